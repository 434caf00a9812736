#!/bin/sh
# Runs every example and looks at what it answers: `make examples`.
set -eu

# Not the pages of yesterday.
GIOTTO_CACHE="sqlite://$(mktemp -d)/pages.sqlite3"
# A machine under load loses no page, and compiling takes as long as it takes.
GIOTTO_CACHE_DEADLINE_MS=30000
export GIOTTO_CACHE GIOTTO_CACHE_DEADLINE_MS
cargo build --quiet --locked -p giotto --examples

run() { cargo run --quiet --locked -p giotto --example "$@"; }
# In place of the shell that runs it, so that it is what `kill` ends.
start() { exec cargo run --quiet --locked -p giotto --example "$@"; }

# Asks up to so many times, ten a second, until the answer has what is expected.
expect_within() {
    tries=$1
    expected=$2
    shift 2
    for _ in $(seq "$tries"); do
        got=$("$@")
        case $got in
            *"$expected"*) return ;;
        esac
        sleep 0.1
    done
    echo "$*: expected '$expected', got '$got'" >&2
    exit 1
}

expect() { expect_within 1 "$@"; }
# For half a minute: a response does not wait until it is stored.
expect_soon() { expect_within 300 "$@"; }

# Starts an example that serves HTTP; its address is then in $address.
serve() {
    log=$(mktemp)
    start "$@" 2>"$log" &
    server=$!
    address=
    for _ in $(seq 600); do
        address=$(sed -n 's/.*\(http:\/\/127[^ ]*\).*/\1/p' "$log")
        [ -n "$address" ] && return
        sleep 0.1
    done
    cat "$log" >&2
    exit 1
}

stop() {
    kill "$server"
    wait "$server" || true
}

expect 144 run squared -- cmd squared x=12
expect '{"x":144}' run squared -- cmd squared.json x=12
expect JetBlue run flights -- cmd delays origin=JFK month=7
expect '"carriers"' run flights -- cmd delays.json origin=JFK month=7
expect 144 run own_backend -- cmd squared x=12

serve flights -- http --port 0
expect '<svg' curl -sS "$address/delays/JFK"
expect_soon 'giotto; hit; ttl=' curl -sSI "$address/delays/JFK"
stop

serve prices -- http --port 0
expect 0.60 curl -sS "$address/price/apple"
expect 0.75 curl -sS -d cents=75 "$address/price/apple"
expect 0.75 curl -sS "$address/price/apple"
stop
rm prices.json

serve axum_mount -- 0
expect 144 curl -sS "$address/square/12"
stop

echo "all examples answer"
