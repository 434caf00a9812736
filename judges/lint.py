"""Every response of the application, judged by httplint, REDbot and a parser of structured fields: `make judges`.

A note of the level "bad" or "warning" that is not in allowed.toml is a failure, and so is a page that does not have the states
that it must have: a state that was not reached was not judged.
"""

import configparser
import gzip
import pathlib
import sys
import time
import tomllib

import thor
from httplint import HttpRequestLinter, HttpResponseLinter
from httplint.field.finder import HttpFieldFinder
from httplint.note import levels
from redbot.resource import HttpResource

import structured
from codings import DECODERS
from common import application, ask, until

# All forms of tags.
TAGS = 'http.tag_fields=["Cache-Tag", "Surrogate-Key", "Cache-Groups"]'
# Shorter pages are not compressed.
SMALLEST_CODED = 1_024
ALLOWED = tomllib.loads((pathlib.Path(__file__).parent / "allowed.toml").read_text())["note"]
# Fields that neither judge knows, and that have no syntax beyond that of any field.
OPAQUE = {"cache-tag", "surrogate-key"}

# Pages that caches may keep: miss, hit, HEAD, 304, 412, 206, 416, in every coding.
KEPT = [
    ("/plain", {}),
    ("/plain", {"Accept": "application/json"}),
    ("/plain.json", {}),
    ("/plain.txt", {}),
    ("/report", {}),
    ("/report.json", {}),
    ("/atlas", {}),
    ("/file.json", {}),
    ("/search?page=1&words=a%20b", {}),
    ("/hello", {"Accept-Language": "de"}),
    ("/theme", {"Cookie": "theme=dark"}),
    ("/note/1", {}),
    ("/shared/1", {}),
    ("/max_age", {}),
    ("/asset", {}),
    ("/kept", {}),
]
# Pages of the examples, judged in the same way.
EXAMPLES = {
    "squared": ["/squared?x=12", "/squared.json?x=12", "/forever?x=3"],
    "prices": ["/price/apple"],
    "flights": ["/delays/JFK", "/delays.json?origin=JFK&month=7"],
}
# Responses that nobody may keep, and their status.
PASSING = [
    ("/uncached", {}, 200),
    ("/secret", {}, 200),
    ("/mine", {}, 403),
    ("/moved", {}, 308),
    ("/missing", {}, 404),
    ("/nowhere", {}, 404),
    ("/note/x", {}, 400),
    ("/plain", {"Accept": "image/png"}, 406),
]
# A page of one reader.
PERSONAL = ("/mine", {"Cookie": "user=ada"})
# What is sent to caches with each page, as docs/http.md says it.
SENT = {
    "/plain": "no-cache",
    "/hello": "private, no-cache",
    "/mine": "private, no-store",
    "/theme": "private, max-age=60",
    "/max_age": "max-age=60",
    "/asset": "max-age=600, immutable",
    "/old/1": "max-age=60",
    "/shared/1": "max-age=0, must-revalidate, s-maxage=2",
    "/kept": "max-age=60, s-maxage=600, stale-while-revalidate=30, stale-if-error=600",
    "/uncached": "no-store",
    "/secret": "no-store",
}


class Judges:
    def __init__(self):
        self.port, self.findings, self.asked, self.allowed = None, [], 0, set()

    def find(self, where, text):
        self.findings.append(f"{where}: {text}")

    def expect(self, where, holds, text):
        if not holds:
            self.find(where, text)

    def note(self, where, note):
        if note.level in (levels.GOOD, levels.INFO):
            return
        name = type(note).__name__
        for entry in ALLOWED:
            if entry["name"] == name and entry["where"] in where:
                self.allowed.add(entry["name"] + entry["where"])
                return
        self.find(where, f"{name} ({note.level.value}): {note.summary}")

    def ask(self, state, target, fields=None, method="GET", body=None, status=None):
        """One exchange, judged."""
        fields = fields or {}
        started = time.time()
        reply = ask(self.port, target, fields, method, body)
        self.asked += 1
        where = f"{method} {target} {fields or ''} ({state})"
        if status is not None:
            self.expect(where, reply.status == status, f"status {reply.status}, not {status}\n{reply!r}")
        for problem in structured.problems(reply):
            self.find(where, problem)
        for name in {name.decode() for name, _ in reply.fields} - OPAQUE - structured.FIELDS.keys():
            self.expect(where, HttpFieldFinder.find_handler_class(name), f"no judge knows the field {name}")
        for note in lint(reply, target, fields, method, body, started):
            self.note(where, note)
        return reply

    def kept(self, target, fields, coding):
        """The states of a page that the cache keeps."""
        where = f"{target} {fields or ''}"
        miss = self.ask("miss", target, fields, status=200)
        self.expect(where, "fwd=" in (miss.get("cache-status") or ""), f"no miss\n{miss!r}")
        until(f"{where} is a hit", lambda: "hit" in ask(self.port, target, fields).get("cache-status"))
        page = self.ask("hit", target, fields, status=200)
        whole = self.ask("hit", target, fields | {"Accept-Encoding": "identity"}, status=200)
        plain = whole.body
        is_coded = len(plain) >= SMALLEST_CODED
        sent = page.get("content-encoding") or "identity"
        self.expect(where, sent == (coding if is_coded else "identity"), f"sent as {sent}\n{page!r}")
        self.expect(where, DECODERS[sent](page.body) == plain, "not the same page when decoded")
        self.expect(where, not is_coded or "accept-encoding" in (page.get("vary") or "").lower(), "no Vary: Accept-Encoding")
        self.conditional(target, fields, page)
        self.partial(target, fields, whole)

    def conditional(self, target, fields, page):
        """What may be asked about a page of which the client has the entity tag."""
        tag, size = page.get("etag"), len(page.body)
        head = self.ask("head", target, fields, "HEAD", status=200)
        self.expect(target, head.get("content-length") == str(size), "HEAD has another Content-Length")
        for known in (tag, f'"other", W/{tag}', "*"):
            for method in ("GET", "HEAD"):
                same = self.ask("304", target, fields | {"If-None-Match": known}, method, status=304)
                self.expect(target, same.get("etag") == tag, f"304 has another entity tag\n{same!r}")
        self.ask("412", target, fields | {"If-Match": '"other"'}, status=412)
        self.ask("if-match", target, fields | {"If-Match": tag}, status=200)

    def partial(self, target, fields, whole):
        """Parts are those of the page without a coding, whatever the client accepts."""
        tag, size = whole.get("etag"), len(whole.body)
        part = self.ask("206", target, fields | {"Range": "bytes=2-5"}, status=206)
        self.expect(target, part.body == whole.body[2:6], f"another part\n{part!r}")
        self.ask("206 if-range", target, fields | {"Range": "bytes=-3", "If-Range": tag}, status=206)
        self.ask("if-range", target, fields | {"Range": "bytes=-3", "If-Range": '"other"'}, status=200)
        self.ask("416", target, fields | {"Range": f"bytes={size}-"}, status=416)
        self.ask("multipart", target, fields | {"Range": "bytes=0-0,2-2"}, status=200)

    def passing(self, target, fields, status):
        """A response that nobody keeps."""
        for method in ("GET", "HEAD"):
            for coding in ({}, {"Accept-Encoding": "gzip, br, zstd"}):
                reply = self.ask("passing", target, fields | coding, method, status=status)
                text = f"it may be kept\n{reply!r}"
                self.expect(target, reply.get("cache-control") == "no-store", text)
                self.expect(target, reply.get("etag") is None, text)

    def sent(self):
        """Cache-Control of each kind of program."""
        for target, expected in SENT.items():
            reply = self.ask("sent", target, {"Cookie": "user=ada; theme=dark"}, status=200)
            self.expect(target, reply.get("cache-control") == expected, f"not {expected}\n{reply!r}")

    def writing(self):
        """Programs that write, and the pages that are old then."""
        for text, kind, status in (("a", {}, 200), ("b", {"If-None-Match": "*"}, 304), ("c", {"Range": "bytes=0-3"}, 206)):
            until("a hit", lambda: "hit; ttl=3" in ask(self.port, "/old/1").get("cache-status"))
            done = self.ask("post", "/old/1", {}, "POST", f"text={text}", status=303)
            self.expect("/old/1", done.get("location") == "/old/1", f"{done!r}")
            stale = self.ask("stale", "/old/1", kind, status=status)
            self.expect("/old/1", "revalidating" in stale.get("cache-status"), f"not stale\n{stale!r}")
            self.expect("/old/1", stale.get("cache-control") == "no-cache", f"an old page has a time\n{stale!r}")
        self.ask("post json", "/note/1", {"Accept": "application/json"}, "POST", "text=new", status=303)
        self.ask("post if-match", "/note/1", {"If-Match": '"other"'}, "POST", "text=new", status=412)
        self.ask("post if-none-match", "/note/1", {"If-None-Match": "*"}, "POST", "text=new", status=412)
        self.ask("post unknown coding", "/note/1", {"Content-Encoding": "x"}, "POST", "text=new", status=415)
        zipped = gzip.compress(b"text=zipped")
        self.ask("post gzip", "/note/1", {"Content-Encoding": "gzip"}, "POST", zipped, status=303)
        self.expect("/note/1", b"zipped" in self.ask("after", "/note/1").body, "the form was not decoded")
        self.ask("post without text", "/note/1", {}, "POST", "", status=400)
        self.ask("options", "/note/1", {}, "OPTIONS", status=204)
        self.ask("delete", "/note/1", {}, "DELETE", status=405)

    def redbot(self, targets):
        """REDbot asks for itself, and for each page asks again in other ways."""
        config = configparser.ConfigParser()
        config.read_dict({"redbot": {"enable_local_access": "True"}})
        left, done = list(targets), 0

        def check():
            if not left:
                return thor.stop()
            target, fields = left.pop()
            resource = HttpResource(config["redbot"])
            resource.set_request(f"http://127.0.0.1:{self.port}{target}", headers=list(fields.items()))

            @thor.events.on(resource)
            def check_done():
                nonlocal done
                done += 1
                where = f"REDbot {target} {fields or ''}"
                self.expect(where, resource.fetch_error is None, str(resource.fetch_error))
                for part in (resource, *resource.subreqs.values()):
                    self.asked += 1
                    for note in part.response.notes:
                        self.note(where, note)
                thor.schedule(0, check)

            resource.check()

        thor.schedule(0, check)
        thor.run()
        self.expect("REDbot", done == len(targets), f"it has seen {done} of {len(targets)} pages")


def lint(reply, target, fields, method, body, started):
    """The notes of httplint."""
    request = HttpRequestLinter(start_time=started)
    request.process_request_topline(method.encode(), target.encode(), b"1.1")
    request.process_headers([(name.encode(), value.encode()) for name, value in fields.items()])
    response = HttpResponseLinter(start_time=started)
    response.request = request
    response.is_head_response = method == "HEAD"
    response.base_uri = f"http://127.0.0.1{target}"
    response.process_response_topline(b"1.1", str(reply.status).encode(), reply.reason.encode())
    response.process_headers(reply.fields)
    response.feed_content(reply.body)
    response.finish_content(True)
    return response.notes


def main():
    judges = Judges()
    examples = [(program, target, {}) for program, targets in EXAMPLES.items() for target in targets]
    for program, target, fields in [("judges", *page) for page in KEPT] + examples:
        for coding in DECODERS:
            with application(TAGS, program=program) as (judges.port, _):
                judges.kept(target, fields | {"Accept-Encoding": coding}, coding)
    for program, targets in EXAMPLES.items():
        with application(TAGS, program=program) as (judges.port, _):
            judges.redbot([(target, {}) for target in targets])
    with application(TAGS) as (judges.port, _):
        for target, fields, status in PASSING:
            judges.passing(target, fields, status)
        judges.sent()
        judges.writing()
        judges.redbot(KEPT + [PERSONAL] + [(target, fields) for target, fields, _ in PASSING])
    for entry in ALLOWED:
        if entry["name"] + entry["where"] not in judges.allowed:
            judges.find("allowed.toml", f"{entry['name']} where {entry['where']!r} is not needed any more")
    for finding in dict.fromkeys(judges.findings):
        print(finding)
    print(f"{judges.asked} responses judged, {len(judges.findings)} findings")
    return 1 if judges.findings else 0


if __name__ == "__main__":
    sys.exit(main())
