#!/bin/sh
# Runs every example and compares what it answers: `make examples`.
set -eu

# One by one, as a reader does: together, one would have the features that another asks for.
for example in axum_layer axum_mount library axum_routes flights own_backend prices proxy squared traces; do
    cargo build --quiet --locked -p "$example"
done
programs=$(cd "${CARGO_TARGET_DIR:-target}/debug" && pwd)
repository=$PWD
# The examples write files into the working folder.
folder=$(mktemp -d)
cd "$folder"
# Pages are kept, whatever the load of the machine.
GIOTTO_CACHE=locmem
GIOTTO_CACHE_DEADLINE_MS=30000
export GIOTTO_CACHE GIOTTO_CACHE_DEADLINE_MS

# In place of the shell that calls it, so that the program is what `kill` ends.
start() {
    program=$1
    shift
    exec "$programs/$program" "$@"
}
run() { (start "$@"); }

# Asks up to a number of times, ten a second, until the answer has what is expected.
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
# For half a minute: a response is sent before its page is stored.
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

expect 144 run squared cmd squared x=12
expect '{"x":144}' run squared cmd squared.json x=12
expect JetBlue run flights cmd delays origin=JFK month=7
expect '"carriers"' run flights cmd delays.json origin=JFK month=7
expect 144 run own_backend cmd squared x=12

serve flights http --port 0
expect '<svg' curl -sS "$address/delays/JFK"
expect_soon 'giotto; hit; ttl=' curl -sSI "$address/delays/JFK"
stop

expect 'The River' run library cmd books q=river sort=author
serve library http --port 0 --set debug=true
expect '3000 books' curl -sS "$address/books"
expect '3000 Bücher' curl -sS -H 'Accept-Language: de' "$address/books"
expect_soon 'giotto; hit; ttl=' curl -sSI "$address/book/7"
expect 'id,title,author' curl -sS "$address/books.csv?q=river"
expect '<svg' curl -sS "$address/cover/7"
expect '<entry>' curl -sS "$address/feed"
expect 'name="csrf_token"' curl -sS "$address/join"
expect 'location: /sign-in?next=/loans' curl -sSI "$address/loans"
expect 'content-type: text/css' curl -sSI "$address/static/app.css"
expect 'Page not found' curl -sS "$address/nowhere"
expect 403 curl -sS -o /dev/null -w '%{http_code}' -d name=a "$address/join"
stop

serve prices http --port 0
expect 0.60 curl -sS "$address/price/apple"
expect 0.75 curl -sS -d cents=75 "$address/price/apple"
expect 0.75 curl -sS "$address/price/apple"
stop

# No collector listens: requests are answered all the same. The test of the example has one.
serve traces http --port 0
expect 'apple: 0' curl -sS "$address/price/apple"
expect_soon 'giotto; hit; ttl=' curl -sSI "$address/price/apple"
stop

# In front of another example, whose pages ask each time whether they have changed.
serve squared http --port 0
upstream=$server
serve proxy --upstream "$address" --listen 127.0.0.1:0
expect 144 curl -sS "$address/squared?x=12"
expect 'via: HTTP/1.1 giotto' curl -sSI "$address/squared?x=12"
kill "$upstream"
wait "$upstream" || true
expect 502 curl -sS -o /dev/null -w '%{http_code}' "$address/never_asked"
stop

serve axum_mount 0
expect 144 curl -sS "$address/square/12"
expect_soon 'giotto; hit; ttl=' curl -sSI "$address/reports/square/12"
expect healthy curl -sS "$address/health"
stop
expect 144 run axum_mount cmd square x=12

serve axum_layer 0
expect 'Hello, Ada' curl -sS "$address/hello/Ada"
expect_soon 'http; hit; ttl=' curl -sSI "$address/hello/Ada"
expect '(http)()' run axum_layer cmd mgt/cache/list http
stop

# Three programs, and beside them what axum and its crates have.
expect 'The Silver Key' run axum_routes cmd book 1
serve axum_routes http --port 0
expect 'The Silver Key' curl -sS "$address/books"
expect_soon 'giotto; hit; ttl=' curl -sSI "$address/books"
expect "$address/books" curl -sS -o /dev/null -w '%{redirect_url}' -d title=Dune "$address/add"
expect Dune curl -sS "$address/books"
expect Dune curl -sS "$address/book.txt/2"
expect 'healthy, 2 books' curl -sS "$address/health"
printf 'a cover' >cover.png
expect /covers/1 curl -sS -F cover=@cover.png "$address/covers"
expect 'a cover' curl -sS "$address/covers/1"
expect 'send the file as cover' curl -sS -F other=@cover.png "$address/covers"
expect 'visit 1' curl -sS -c jar -b jar "$address/visits"
expect 'visit 2' curl -sS -c jar -b jar "$address/visits"
expect 'access-control-allow-origin: *' curl -sSI -H 'Origin: http://a' "$address/books"
expect 'content-encoding: gzip' curl -sS -o /dev/null -D - -H 'Accept-Encoding: gzip' "$address/books"
expect Dune curl -sS --compressed "$address/books"
style=$(curl -sS "$address/books" | sed -n 's/.*href="\([^"]*\)".*/\1/p')
expect 'max-age=31536000, immutable' curl -sSI "$address$style"
expect 'There is nothing at /nothing' curl -sS "$address/nothing"
stop

# With a file, the next process has the page.
cargo build --quiet --locked --manifest-path "$repository/Cargo.toml" -p squared --features sqlite
in_file() { run squared cmd --set cache=database -v forever x=1 2>&1; }
expect 'giotto; fwd=uri-miss' in_file
expect 'giotto; hit' in_file

rm -r "$folder"
echo "all examples answer"
