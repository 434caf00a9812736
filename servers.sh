#!/bin/sh
# Installs the servers that the tests start on ports of their own: `make servers`. With root or sudo it
# installs what is missing from Debian's packages; otherwise it says what to install, and fails.
set -eu

has() { PATH="$PATH:/usr/sbin" command -v "$1" >/dev/null; }

missing=
has redis-server || missing="$missing redis-server"
has redis-cli || missing="$missing redis-tools"
has memcached || missing="$missing memcached"
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing="$missing postgresql"
has pgbouncer || missing="$missing pgbouncer"
has mariadbd || missing="$missing mariadb-server"
has mariadb || missing="$missing mariadb-client"
has openssl || missing="$missing openssl"
[ -z "$missing" ] && exit 0

if ! has apt-get; then
    echo "the tests need these servers of Debian, or what your system calls them:$missing" >&2
    exit 1
elif [ "$(id -u)" = 0 ]; then
    as_root=env
elif has sudo && sudo -n true 2>/dev/null; then
    as_root="sudo env"
else
    echo "the tests need servers that are not installed: sudo apt-get install$missing" >&2
    exit 1
fi

# RUNLEVEL=1: installing them does not start them.
$as_root apt-get update -q
# shellcheck disable=SC2086 # several words each
$as_root RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing
