"""nginx, Varnish, Traffic Server and Caddy in front of the application, with the configurations of docs/http/: `make proxies`.

Each claim of docs/http.md about a proxy is a function here, and runs with every proxy that it concerns.
"""

import concurrent.futures
import itertools
import sys
import time

from codings import DECODERS
from common import ask, listens, stop, until
from fronts import (
    PURGED, caddy, nginx, nginx_collapsing, setting, trafficserver, trafficserver_collapsing, varnish, varnish_banned,
    varnish_purged,
)

# The life of the pages under /shared, in seconds.
SHARED = 2


def a_page_is_new_at_once(at):
    for n in range(20):
        # By way of the proxy, and past it: in another process.
        at.write("/note/1", f"text {n}", at.port if n % 2 else at.origin)
        for _ in range(3):
            reply = at.get("/note/1")
            assert reply.status == 200 and f"text {n}<".encode() in reply.body, (n, reply, reply.body)
    tag = reply.get("etag")
    for _ in range(3):
        assert at.get("/note/1", If_None_Match=tag).status == 304
    assert at.get("/note/1").status == 200


def a_shared_page_is_new_within_its_life(at):
    at.write("/shared/1", "old")
    before = at.witness.count("/shared/1")
    replies = [at.get("/shared/1") for _ in range(5)]
    assert all(b"old<" in reply.body for reply in replies)
    asked = at.witness.count("/shared/1") - before
    assert asked == (5 if at.name == "caddy" else 1), f"the origin was asked {asked} times"
    at.write("/shared/1", "new")
    written = time.monotonic()
    until("the new page", lambda: b"new<" in at.get("/shared/1").body)
    took = time.monotonic() - written
    # A proxy counts in whole seconds, and may use a page in the last of them, too.
    assert took < SHARED + 2, took
    at.says("a shared page is new after {:.1f} s of {} s", took, SHARED)


def an_expired_page_that_is_the_same_costs_a_304(at):
    at.write("/shared/2", "same")
    tag = at.get("/shared/2").get("etag")
    until("a 304 of the application", lambda: b"same<" in at.get("/shared/2").body and at.witness.count("/shared/2", 304))
    assert at.get("/shared/2").get("etag") == tag


def a_purge_is_seen_within_200_ms(at):
    times = []
    for n in range(21):
        at.write("/purged/1", f"text {n}")
        written = time.monotonic()
        until("the new page", lambda: f"text {n}<".encode() in at.get("/purged/1").body)
        times.append((time.monotonic() - written) * 1_000)
        before = at.witness.count("/purged/1")
        for _ in range(5):
            at.get("/purged/1")
        assert at.witness.count("/purged/1") == before, "it is not kept"
    times.sort()
    assert times[10] < 200, times
    at.says("a purge is seen after {:.0f} ms (median of 21, at most {:.0f})", times[10], times[-1])


def nobody_else_can_purge(at):
    at.get("/purged/1")
    before = at.witness.count("/purged/1")
    for method, fields in (("PURGE", {"xkey": "giotto:all"}), ("BAN", {"x-cache-tags": "."})):
        reply = ask(at.port, "/", fields, method, client="127.0.0.2")
        assert reply.status in (403, 405), (method, reply)
    at.get("/purged/1")
    assert at.witness.count("/purged/1") == before, "it is not kept"


def a_304_for_one_reader_is_no_page_for_another(at):
    at.write("/shared/3", "page")
    tag = ask(at.origin, "/shared/3").get("etag")
    for _ in range(2):
        assert at.get("/shared/3", If_None_Match=tag).status == 304
        assert b"page<" in at.get("/shared/3").body


def nothing_private_is_served_to_another_or_kept(at):
    users = [f"user{n % 2}x{time.monotonic_ns()}" for n in range(2)]

    def asks(n):
        user, target = users[n % 2], ("/mine", "/theme")[n // 2 % 2]
        return user, at.get(target, Cookie=f"user={user}; theme={user}")

    for _ in range(3):
        with concurrent.futures.ThreadPoolExecutor(24) as pool:
            for user, reply in pool.map(asks, range(48)):
                assert reply.status == 200 and user.encode() in reply.body, (user, reply, reply.body)
    assert at.get("/mine").status == 403
    at.write("/shared/1", "for everybody")
    assert b"for everybody" in at.get("/shared/1").body
    kept = at.kept()
    # nginx and Varnish show what they keep; what Traffic Server keeps may be in its memory.
    if at.name.startswith(("nginx", "varnish")):
        until("the shared page is kept", lambda: b"for everybody" in at.kept())
    for user in users:
        assert user.encode() not in kept, f"a page of {user} is kept"


def each_reader_gets_the_page_in_their_language(at):
    for language, text in (("de", b"Guten Tag"), ("en", b"Good day"), ("de-AT", b"Guten Tag")) * 2:
        assert text in at.get("/hello", Accept_Language=language).body, language


def values_of_accept_make_one_miss(at):
    before = at.witness.count("/kept.json")
    for accept in ("*/*", "text/html", "application/json", "application/json;q=0.9, */*;q=0.1", "text/plain, image/png"):
        assert at.get("/kept.json", Accept=accept).status == 200
    asked = at.witness.count("/kept.json") - before
    assert asked == 1, f"the origin was asked {asked} times"


def a_part_is_a_part_of_the_page(at):
    whole = at.get("/report").body
    for _ in range(3):
        part = at.get("/report", Range="bytes=100-199")
        expected = {200: whole, 206: whole[100:200]}
        assert part.body == expected[part.status], part


def a_compressed_page_is_the_same_page(at):
    codings = ("br", "gzip", "zstd", "gzip, br, zstd", "identity", "br;q=0.1, gzip")
    # One that is asked for each time, and one that is kept.
    for target, accepted in itertools.product(("/report", "/atlas"), codings * 2):
        whole = ask(at.origin, target).body
        page = at.get(target, Accept_Encoding=accepted)
        coding = page.get("content-encoding") or "identity"
        assert coding in accepted or coding == "identity", (accepted, page)
        assert DECODERS[coding](page.body) == whole, (accepted, page)
        again = at.get(target, Accept_Encoding=accepted, If_None_Match=page.get("etag"))
        assert again.status == 304, (accepted, page, again)


def a_reader_of_a_stopped_application_gets_nothing_old(at):
    for _ in range(3):
        for target in ("/secret", "/uncached", "/note/1", "/mine", "/moved"):
            at.get(target, Cookie="user=ada")
    stop(at.process)
    until("the application is gone", lambda: not listens(at.origin))
    for target in ("/secret", "/uncached", "/note/1", "/mine", "/moved"):
        for _ in range(3):
            assert at.get(target, Cookie="user=ada").status >= 500, target


CLAIMS = [
    a_page_is_new_at_once,
    a_shared_page_is_new_within_its_life,
    an_expired_page_that_is_the_same_costs_a_304,
    a_purge_is_seen_within_200_ms,
    nobody_else_can_purge,
    a_304_for_one_reader_is_no_page_for_another,
    nothing_private_is_served_to_another_or_kept,
    each_reader_gets_the_page_in_their_language,
    values_of_accept_make_one_miss,
    a_part_is_a_part_of_the_page,
    a_compressed_page_is_the_same_page,
    a_reader_of_a_stopped_application_gets_nothing_old,
]
PROXIES = [nginx, nginx_collapsing, varnish, varnish_purged, varnish_banned, trafficserver, trafficserver_collapsing, caddy]
# Which claims are about some proxies only.
CACHES = [proxy for proxy in PROXIES if proxy is not caddy]
ONLY = {
    an_expired_page_that_is_the_same_costs_a_304: CACHES,
    values_of_accept_make_one_miss: CACHES,
    a_purge_is_seen_within_200_ms: list(PURGED),
    nobody_else_can_purge: list(PURGED),
    # A purge takes what is kept of the new page, too, if it comes a moment later.
    a_shared_page_is_new_within_its_life: [proxy for proxy in PROXIES if proxy not in PURGED],
}


def main():
    """All claims with all proxies, or those that the arguments name."""
    chosen = sys.argv[1:]
    pairs = [(claim, proxy) for claim in CLAIMS for proxy in ONLY.get(claim, PROXIES)]
    passed, failed = 0, 0
    for claim, proxy in pairs:
        if chosen and not {proxy.__name__, claim.__name__} & set(chosen):
            continue
        try:
            with setting(proxy) as at:
                claim(at)
            print(f"{proxy.__name__:25} {claim.__name__.replace('_', ' ')}")
            passed += 1
        except AssertionError as error:
            print(f"{proxy.__name__:25} {claim.__name__.replace('_', ' ')}: FAILED: {error}")
            failed += 1
    print(f"{passed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
