#!/bin/sh
# Installs the programs that its arguments name, if they are missing: `sh checks/install.sh g++ cargo-deny`.
#
# `cargo-NAME` is compiled from the registry at the version below. Everything else is a package of Debian, which takes
# root or sudo: without them, this says what to install, and fails.
set -eu

has() { PATH="$PATH:/usr/sbin:${CARGO_HOME:-$HOME/.cargo}/bin" command -v "$1" >/dev/null; }

version() {
    case $1 in
        cargo-deny) echo 0.20.2 ;;
        cargo-machete) echo 0.9.2 ;;
    esac
}

# A package whose program has another name.
is_installed() {
    case $1 in
        redis-tools) has redis-cli ;;
        mariadb-server) has mariadbd ;;
        mariadb-client) has mariadb ;;
        varnish) has varnishd ;;
        varnish-modules) ls /usr/lib/*/varnish/vmods/libvmod_xkey.so >/dev/null 2>&1 ;;
        trafficserver) has traffic_server ;;
        python3-venv) python3 -c 'import ensurepip' 2>/dev/null ;;
        nodejs) has node ;;
        systemd) has systemd-socket-activate ;;
        postgresql) ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 ;;
        *) has "$1" ;;
    esac
}

packages=
for name in "$@"; do
    is_installed "$name" && continue
    case $name in
        # Without optimisation: they run for seconds, and compile for minutes.
        cargo-*) cargo install --quiet --locked --debug "$name" --version "$(version "$name")" ;;
        *) packages="$packages $name" ;;
    esac
done
[ -z "$packages" ] && exit 0

if ! has apt-get; then
    echo "these packages of Debian are missing; install them as your system names them:$packages" >&2
    exit 1
elif [ "$(id -u)" = 0 ]; then
    as_root="env"
elif has sudo && sudo -n true 2>/dev/null; then
    as_root="sudo env"
else
    echo "programs are missing; install them: sudo apt-get install$packages" >&2
    exit 1
fi

# RUNLEVEL=1: installing a server does not start it.
$as_root apt-get update -q
# shellcheck disable=SC2086 # several words each
$as_root RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $packages
