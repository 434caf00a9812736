"""A client of a site behind a proxy, and a crawler that follows whatever the site links to."""

import collections
import concurrent.futures
import html.parser
import http.client
import http.cookies
import re
import ssl
import threading
import urllib.parse
import xml.etree.ElementTree

from common import PATIENCE, Reply

# How many requests are under way at once.
CLIENTS = 4
# How many addresses of a program are visited whose links say rel="nofollow": those of a form for each book, for example.
NOT_FOLLOWED = 50
REDIRECTS = (301, 302, 303, 307, 308)
# What a link is, by element and attribute.
LINKS = {
    ("a", "href"), ("area", "href"), ("link", "href"), ("img", "src"), ("script", "src"), ("iframe", "src"), ("source", "src"),
    ("object", "data"), ("image", "href"), ("use", "href"), ("form", "action"), ("button", "formaction"), ("input", "src"),
}


class Site:
    """The application at `base`, such as `https://www.example.org/library/`, whose hosts are ports of this machine.

    `ports` has a port for each scheme; `authority` is the file with the certificate to trust, and nothing else is trusted.
    """

    def __init__(self, base, ports, authority=None):
        self.base, self.ports = base, ports
        self.context = ssl.create_default_context(cafile=authority) if authority else None
        self.local = threading.local()

    def connection(self, scheme, host):
        """A connection of this thread, which it keeps."""
        known = self.local.__dict__.setdefault("connections", {})
        if (scheme, host) not in known:
            known[scheme, host] = Connection(scheme, host, self.ports[scheme], self.context)
        return known[scheme, host]

    def ask(self, url, fields=None, method="GET", body=None):
        parts = urllib.parse.urlsplit(url)
        target = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        fields = {"User-Agent": "judges"} | (fields or {})
        connection = self.connection(parts.scheme, parts.hostname)
        for attempt in (1, 2):
            try:
                connection.request(method, target, body, fields)
                response = connection.getresponse()
                return Reply(response, response.read())
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                # The server may have closed a connection that was idle; the next one is new.
                connection.close()
                if attempt == 2:
                    raise

    def has(self, url):
        return url.startswith(self.base)


class Connection(http.client.HTTPConnection):
    """To a host by its name, which is a port of this machine."""

    def __init__(self, scheme, host, port, context):
        super().__init__(host, timeout=PATIENCE)
        self.here, self.context = port, context if scheme == "https" else None

    def connect(self):
        self.sock = http.client.socket.create_connection(("127.0.0.1", self.here), PATIENCE)
        self.sock.setsockopt(http.client.socket.IPPROTO_TCP, http.client.socket.TCP_NODELAY, 1)
        if self.context:
            self.sock = self.context.wrap_socket(self.sock, server_hostname=self.host)


class Reader:
    """A reader with a browser: it keeps the cookies whose path is that of the site, and sends forms as they stand in pages."""

    def __init__(self, site):
        self.site, self.cookies, self.wrong = site, {}, []

    def get(self, path):
        return self.ask(urllib.parse.urljoin(self.site.base, path))

    def ask(self, url, method="GET", body=None, fields=None):
        """The response, and those to which it redirects."""
        for _ in range(5):
            sent = dict(fields or {})
            if self.cookies:
                sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
            reply = self.site.ask(url, sent, method, body)
            self.keep(reply, url)
            if reply.status not in REDIRECTS:
                reply.url = url
                return reply
            url = urllib.parse.urljoin(url, reply.get("location"))
            if not self.site.has(url):
                self.wrong.append(f"a redirect leads to {url}")
            method, body, fields = "GET", None, None
        raise AssertionError(f"{url} redirects again and again")

    def keep(self, reply, url):
        self.wrong.extend(wrong_cookies(self.site, reply, url))
        for name, value in reply.fields:
            if name.lower() == b"set-cookie":
                for morsel in http.cookies.SimpleCookie(value.decode()).values():
                    if morsel["max-age"] == "0" or not morsel.value:
                        self.cookies.pop(morsel.key, None)
                    else:
                        self.cookies[morsel.key] = morsel.value

    def send(self, path, to=None, **values):
        """Fills the form with POST of this page, and sends it: the one that leads to the end `to`, or that of the page itself."""
        page = self.get(path)
        forms = [form for form in read(page).forms if form.method == "post" and set(values) <= set(form.values)]
        form = next((form for form in forms if (to or path) in form.action or not (to or form.action)), None)
        assert form, f"{path} has no form with {sorted(values)}: {page.status} {page.body.decode()[:2_000]}"
        url = urllib.parse.urljoin(page.url, form.action)
        body = urllib.parse.urlencode(form.values | values)
        return self.ask(url, "POST", body, {"Content-Type": "application/x-www-form-urlencoded", "Referer": page.url})


def wrong_cookies(site, reply, url):
    """What is wrong with the cookies that a response sets."""
    path = urllib.parse.urlsplit(site.base).path
    for name, value in reply.fields:
        if name.lower() != b"set-cookie":
            continue
        attributes = [part.strip().lower() for part in value.decode().split(";")]
        own = next((part[5:] for part in attributes if part.startswith("path=")), None)
        if own is None or (own.rstrip("/") + "/") != path:
            yield f"{url} sets a cookie of the path {own}: {value.decode()}"
        for attribute in ("secure", "httponly"):
            if site.base.startswith("https") and attribute not in attributes:
                yield f"{url} sets a cookie without {attribute}: {value.decode()}"


class Form:
    def __init__(self, attributes):
        self.action, self.method = attributes.get("action") or "", (attributes.get("method") or "get").lower()
        self.values = {}


class Page(html.parser.HTMLParser):
    """The links, forms and anchors of a page."""

    def __init__(self):
        super().__init__()
        self.links, self.forms, self.anchors, self.style = set(), [], set(), False
        self.nofollow = set()

    def handle_starttag(self, tag, attrs):
        attributes = dict(attrs)
        if tag == "form":
            self.forms.append(Form(attributes))
        if self.forms and tag in ("input", "select", "textarea", "button") and attributes.get("name"):
            self.forms[-1].values.setdefault(attributes["name"], attributes.get("value") or "")
        if tag == "option" and "selected" in attributes and self.forms and self.forms[-1].values:
            self.forms[-1].values[list(self.forms[-1].values)[-1]] = attributes.get("value") or ""
        for name, value in attrs:
            if name in ("id", "name") and value:
                self.anchors.add(value)
            if (tag, name) in LINKS and value:
                self.links.add(value)
                if "nofollow" in (attributes.get("rel") or ""):
                    self.nofollow.add(value)
            if name == "srcset" and value:
                self.links.update(one.split()[0] for one in value.split(",") if one.strip())
            if name == "style" and value:
                self.links.update(addresses_of_style(value))
        if tag == "meta" and attributes.get("http-equiv", "").lower() == "refresh":
            self.links.add(attributes["content"].split("=", 1)[1])
        self.style = tag == "style"

    def handle_data(self, data):
        if self.style:
            self.links.update(addresses_of_style(data))

    def handle_endtag(self, tag):
        self.style = False


def addresses_of_style(text):
    return [one for one in re.findall(r"""url\(\s*["']?([^"')]+)""", text) if not one.startswith("data:")]


def read(reply):
    page = Page()
    page.feed(reply.body.decode())
    return page


def addresses(reply):
    """All that a response links to, as it stands there."""
    kind = (reply.get("content-type") or "").split(";")[0]
    text = reply.body.decode() if kind.startswith("text/") or kind.endswith(("xml", "json")) else ""
    match kind:
        case "text/html":
            page = read(reply)
            searches = {f"{form.action}?{urllib.parse.urlencode(form.values)}" for form in page.forms if form.method == "get"}
            return page.links | searches
        case "text/css":
            return set(addresses_of_style(text))
        case "application/atom+xml" | "image/svg+xml" | "application/xml" | "application/rss+xml":
            found = set()
            for element in xml.etree.ElementTree.fromstring(text).iter():
                # The id of an Atom entry is a name, and an address only if it is a URL.
                if element.tag.endswith("}id") and (element.text or "").startswith("http"):
                    found.add(element.text)
                found.update(v for name, v in element.attrib.items() if name.split("}")[-1] in ("href", "src"))
            return found
        case "text/plain":
            return set(re.findall(r"(?mi)^sitemap:\s*(\S+)", text))
    return set()


class Crawl:
    """Follows every address from `start` on, each once, and notes what is wrong."""

    def __init__(self, site, fields=None):
        self.site, self.fields = site, fields or {}
        self.seen, self.kinds, self.wrong = set(), collections.Counter(), []
        # Where each address was found first, and the anchors of pages that were looked for.
        self.found, self.anchors, self.fragments = {}, {}, set()
        self.not_followed = collections.Counter()

    def run(self, *starts):
        with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
            waiting = set()
            for url in starts:
                self.note(url, "the start")
                waiting.add(pool.submit(self.visit, url))
            while waiting:
                done, waiting = concurrent.futures.wait(waiting, return_when=concurrent.futures.FIRST_COMPLETED)
                for visited in done:
                    for url, at in visited.result():
                        if self.note(url, at):
                            waiting.add(pool.submit(self.visit, url))
        for url, fragment, at in self.fragments:
            if fragment not in self.anchors.get(url, {fragment}):
                self.wrong.append(f"{at} links to {url}#{fragment}, and there is no such place")
        return self

    def note(self, url, at):
        """Whether the address is to be visited, and was not."""
        if url in self.seen:
            return False
        self.seen.add(url)
        self.found[url] = at
        if not self.site.has(url):
            self.wrong.append(f"{at} leads outside: {url}")
            return False
        return True

    def visit(self, url):
        """The addresses to which the response leads, each with where it was found."""
        try:
            reply = self.site.ask(url, self.fields)
        except (OSError, http.client.HTTPException) as error:
            self.wrong.append(f"{url}: {error!r}, from {self.found[url]}")
            return []
        self.wrong.extend(wrong_cookies(self.site, reply, url))
        named = [value for name in ("location", "content-location") if (value := reply.get(name))]
        kind = (reply.get("content-type") or "nothing").split(";")[0]
        if reply.status in REDIRECTS:
            self.kinds["redirects"] += 1
        elif reply.status == 200:
            self.kinds[kind] += 1
            named += addresses(reply)
        else:
            self.wrong.append(f"{url}: {reply.status}, from {self.found[url]}")
        if kind == "text/html":
            page = read(reply)
            self.anchors[url] = page.anchors
            named = [one for one in named if one not in page.nofollow or self.is_one_of_few(one)]
        return [(one, url) for one in self.absolute(named, url)]

    def is_one_of_few(self, address):
        """Of a program whose addresses are many and of one kind, the first ones."""
        program = re.sub(r"\d+", "N", urllib.parse.urlsplit(address).path)
        self.not_followed[program] += 1
        return self.not_followed[program] <= NOT_FOLLOWED

    def absolute(self, named, url):
        for one in named:
            scheme = urllib.parse.urlsplit(one).scheme
            if scheme in ("data", "mailto", "tel"):
                continue
            whole, fragment = urllib.parse.urldefrag(urllib.parse.urljoin(url, one))
            if fragment:
                self.fragments.add((whole, fragment, url))
            yield whole
