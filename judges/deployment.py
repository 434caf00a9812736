"""The library in production: behind nginx and Caddy with TLS under /library/, with the files of docs/deployment/: `make deployment`.

A crawler follows every link, form, image, style, feed and redirect from the front page. A reader joins, borrows and reviews, and the
application gets its connections by a port, by a Unix socket, and from systemd. Arguments choose claims by a part of their name.
"""

import contextlib
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import urllib.parse

from common import ask, free_port, run, stop, until
from crawler import Crawl, Reader, Site
from library import ADMIN, FILES, HOST, PASSWORD, library, started

BOOKS = 3_000


def certificates(folder):
    """An authority of this run, and a certificate of it for the host: the file to trust."""

    def openssl(*arguments):
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=judges", "-days", "2",
            "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", *curve, "-keyout", "key.pem", "-out", "request", "-subj", f"/CN={HOST}")
    (folder / "names").write_text(f"subjectAltName=DNS:{HOST}\nauthorityKeyIdentifier=keyid\n")
    openssl("x509", "-req", "-in", "request", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", "certificate.pem",
            "-days", "2", "-extfile", "names")
    return folder / "ca.pem"


def configuration(name, folder, upstream, changes):
    """The file of docs/deployment/ with the addresses and folders of this run, and nothing else changed."""
    text = (FILES / name).read_text()
    for documented, here in ({"127.0.0.1:5000": upstream, "/etc/ssl/library": str(folder)} | changes).items():
        assert documented in text, (name, documented)
        text = text.replace(documented, here)
    return text


def nginx(folder, upstream, ports):
    changes = {"listen 443": f"listen 127.0.0.1:{ports['https']}", "listen 80": f"listen 127.0.0.1:{ports['http']}"}
    (folder / "nginx.conf").write_text(configuration("nginx.conf", folder, upstream, changes))
    quiet = f"daemon off; pid {folder}/nginx.pid; user root;"
    return ["nginx", "-p", str(folder), "-c", "nginx.conf", "-e", "stderr", "-g", quiet]


def caddy(folder, upstream, ports):
    upstream = upstream.replace("unix:", "unix/")
    text = configuration("Caddyfile", folder, upstream, {})
    own = f"{{\nadmin off\nhttps_port {ports['https']}\nhttp_port {ports['http']}\n}}\n"
    (folder / "Caddyfile").write_text(own + text)
    return ["caddy", "run", "--config", "Caddyfile", "--adapter", "caddyfile"]


PROXIES = (nginx, caddy)


@contextlib.contextmanager
def behind(proxy, upstream, base="/library/"):
    """The site behind the proxy, which passes requests on to `upstream`."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        folder.chmod(0o755)
        authority = certificates(folder)
        ports = {"https": free_port(), "http": free_port()}
        env = {"PATH": "/usr/sbin:/usr/bin:/bin", "HOME": str(folder)}
        process = run(proxy(folder, upstream, ports), ports["https"], folder, env)
        try:
            yield Site(f"https://{HOST}{base}", ports, authority)
        finally:
            stop(process)


@contextlib.contextmanager
def deployed(proxy):
    with library() as upstream, behind(proxy, upstream) as site:
        yield site


def nothing_is_broken(proxy):
    """From the front page, in both languages, and with every format."""
    with deployed(proxy) as site:
        begun = time.monotonic()
        crawl = Crawl(site).run(site.base, site.base.rstrip("/"))
        assert not crawl.wrong, f"{len(crawl.wrong)} wrong: " + "\n  ".join(crawl.wrong[:20])
        books = {found[1] for url in crawl.seen if (found := re.match(re.escape(site.base) + r"book/(\d+)(\?.*)?$", url))}
        assert len(books) == BOOKS, f"{len(books)} books are reached"
        assert {"text/html", "text/css", "image/svg+xml", "application/atom+xml", "redirects"} <= set(crawl.kinds), crawl.kinds
        told = ", ".join(f"{count} {kind}" for kind, count in crawl.kinds.most_common())
        return f"{len(crawl.seen)} addresses in {time.monotonic() - begun:.0f} s, 0 broken, {len(books)} books: {told}"


def a_reader_joins_borrows_reviews_and_leaves(proxy):
    with deployed(proxy) as site:
        reader = Reader(site)
        joined = reader.send("join", name="Ada", password=PASSWORD)
        assert joined.status == 200 and joined.url == f"{site.base}loans", joined.url
        assert all(name.startswith("__Secure-") for name in reader.cookies), reader.cookies
        assert "Ada" in joined.body.decode()
        borrowed = reader.send("borrow/7")
        assert borrowed.status == 200 and borrowed.url == f"{site.base}loans", borrowed.url
        stranger = Reader(site)
        assert stranger.get("book/7").status == 200
        reviewed = reader.send("review/7", stars="5", text="as good as its cover")
        assert reviewed.url == f"{site.base}book/7", reviewed.url
        # At once, for everybody.
        assert "as good as its cover" in stranger.get("book/7").body.decode()
        assert stranger.get("loans").url.startswith(f"{site.base}sign-in")
        crawl = Crawl(site, {"Cookie": "; ".join(f"{n}={v}" for n, v in reader.cookies.items())})
        own = [site.base + path for path in ("loans", "borrow/8", "review/8", "book/7")]
        for url in own:
            crawl.note(url, "a list")
            for found, at in crawl.visit(url):
                if crawl.note(found, at):
                    crawl.visit(found)
        assert not crawl.wrong, crawl.wrong[:5]
        reader.send("loans", to="sign-out")
        assert not reader.cookies, reader.cookies
        assert reader.get("loans").url.startswith(f"{site.base}sign-in")
        assert not reader.wrong + stranger.wrong, reader.wrong + stranger.wrong


def http_leads_to_https(proxy):
    with deployed(proxy) as site:
        reply = site.ask(site.base.replace("https:", "http:") + "books?page=2&lang=de")
        location = reply.get("location")
        # Caddy names its port if that is not 443.
        assert reply.status in (301, 308), reply
        assert location.replace(f":{site.ports['https']}", "") == f"{site.base}books?page=2&lang=de", location


def addresses_of_the_feed_are_absolute(proxy):
    with deployed(proxy) as site:
        feed = site.ask(f"{site.base}feed.atom").body.decode()
        found = re.findall(r'(?:href|src)="([^"]+)"|<id>(http[^<]+)</id>', feed)
        urls = [one or other for one, other in found]
        assert len(urls) > 20 and all(url.startswith(site.base) for url in urls), urls
        return f"{len(urls)} addresses"


def a_forged_field_changes_nothing(proxy):
    forged = {
        "X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "http", "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Prefix": "/evil", "Forwarded": "for=203.0.113.9;host=evil.example;proto=http",
    }
    # Without an origin in the configuration, the proxy says what it is.
    for changes in ((), [("origin =", "# origin =")]):
        with library(changes) as upstream, behind(proxy, upstream) as site:
            for path in ("", "feed.atom", "loans", "book/1"):
                plain, other = (site.ask(site.base + path, fields) for fields in ({}, forged))
                assert plain.status == other.status and plain.get("location") == other.get("location"), (path, other)
                assert b"evil" not in other.body and b"203.0.113.9" not in other.body, path
            # Past the proxy, from an address that is not trusted.
            port = int(upstream.split(":")[1])
            for path in ("", "feed.atom", "loans"):
                reply = ask(port, f"/library/{path}", forged | {"Host": HOST}, client="127.0.0.2")
                assert b"evil" not in reply.body and "evil" not in repr(reply), (path, reply)


def an_admin_adds_a_book_and_deletes_it(proxy):
    with deployed(proxy) as site:
        admin, stranger = Reader(site), Reader(site)
        signed_in = admin.send("sign-in", name="admin", password=ADMIN)
        assert site.has(signed_in.url), signed_in.url
        book = {"title": "Behind a Proxy", "author": "Ada Lovelace", "year": "1843", "pages": "66", "copies": "2"}
        added = admin.send("admin/add", **book)
        assert re.match(re.escape(site.base) + r"book/\d+$", added.url), added.url
        path = added.url.removeprefix(site.base)
        assert "Behind a Proxy" in stranger.get(path).body.decode()
        admin.send(path.replace("book", "admin/delete"))
        assert stranger.ask(added.url).status == 404
        assert stranger.get("admin/add").status in (403, 200) and "sign-in" in stranger.get("admin/add").url
        assert not admin.wrong + stranger.wrong, admin.wrong + stranger.wrong


def a_unix_socket_is_as_good_as_a_port(proxy):
    with started("--host", "{folder}/http.sock") as folder:
        with behind(proxy, f"unix:{folder}/http.sock") as site:
            works(site)
    assert not pathlib.Path(folder, "http.sock").exists()


def systemd_hands_over_a_port(proxy):
    """By the program that systemd has for trying socket units; it starts the application when the first client connects."""
    address = f"127.0.0.1:{free_port()}"
    with started(before=activated(address)), behind(proxy, address) as site:
        works(site)


def systemd_hands_over_a_unix_socket(proxy):
    with started(before=activated("{folder}/http.sock")) as folder, behind(proxy, f"unix:{folder}/http.sock") as site:
        works(site)


def activated(address):
    secrets = ("GIOTTO_CONFIG", "GIOTTO_SESSION_KEY_FILE", "GIOTTO_APP_ADMIN_PASSWORD_FILE")
    return ("systemd-socket-activate", "-l", address, *(f"-E{name}" for name in secrets))


def works(site):
    """A page, a redirect, and a session."""
    reader = Reader(site)
    assert reader.get("book/1").status == 200
    assert reader.send("join", name="Ada", password=PASSWORD).url == f"{site.base}loans"
    assert not reader.wrong, reader.wrong


CLAIMS = [
    nothing_is_broken,
    a_reader_joins_borrows_reviews_and_leaves,
    an_admin_adds_a_book_and_deletes_it,
    http_leads_to_https,
    addresses_of_the_feed_are_absolute,
    a_forged_field_changes_nothing,
    a_unix_socket_is_as_good_as_a_port,
    systemd_hands_over_a_port,
    systemd_hands_over_a_unix_socket,
]


def main():
    chosen = sys.argv[1:]
    pairs = [(claim, proxy) for proxy in PROXIES for claim in CLAIMS]
    failed = 0
    for claim, proxy in pairs:
        name = f"{proxy.__name__}: {claim.__name__.replace('_', ' ')}"
        if chosen and not any(one in name for one in chosen):
            continue
        try:
            told = claim(proxy)
            print(name + (f": {told}" if told else ""), flush=True)
        except AssertionError as error:
            failed += 1
            print(f"{name}: FAILED: {error}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
