"""What a reader sees in headless Chromium after a change, after another reader, and of forms and errors: `make browser`."""

import contextlib
import http.server
import json
import sys
import threading

import live
import members
from chromium import chromium
from common import application, ask
from witness import Witness


class Reader:
    """A reader in a browser, in front of a witness in front of the application."""

    def __init__(self, tab, origin):
        self.tab, self.origin, self.witness = tab, origin, Witness(origin)
        self.address = f"http://127.0.0.1:{self.witness.port}"

    def sees(self, text):
        shown = self.tab.text()
        assert text in shown, f"{self.tab.evaluate('location.href')} shows {shown!r}, not {text!r}"

    def sees_nothing_of(self, text):
        shown = self.tab.text()
        assert text not in shown, f"{self.tab.evaluate('location.href')} shows {shown!r}"

    def another_session_writes(self, text):
        assert ask(self.origin, "/note/1", method="POST", body=f"text={text}").status == 303

    def signs_in(self, user):
        """As with `Set-Cookie: user=..; HttpOnly`."""
        self.tab.send("Network.setCookie", name="user", value=user, url=self.address, httpOnly=True)

    def signs_out(self):
        self.tab.send("Network.deleteCookies", name="user", url=self.address)

    def asked_by(self, act):
        """The requests that `act` causes, with their statuses."""
        before = len(self.witness.exchanges)
        act()
        return [tuple(exchange) for exchange in self.witness.exchanges[before:] if exchange[0] != "/favicon.ico"]


def a_click_shows_the_change_of_another_session(reader):
    tab = reader.tab
    tab.open(f"{reader.address}/")
    tab.click("note")
    reader.sees("nothing yet")
    for text in ("first", "second"):
        tab.click("home")
        reader.another_session_writes(text)
        assert reader.asked_by(lambda: tab.click("note")) == [("/note/1", 200)]
        reader.sees(text)
        tab.click("home")
        assert reader.asked_by(lambda: tab.click("note")) == [("/note/1", 304)]
        reader.sees(text)


def comes_and_goes(reader, name):
    """The reader `name` signs in, looks at the page of their own, and signs out."""
    tab = reader.tab
    reader.signs_in(name)
    tab.open(f"{reader.address}/")
    tab.click("mine")
    reader.sees(f"the page of {name}")
    tab.click("home")
    reader.signs_out()


def two_readers_in_one_profile_never_see_each_others_page(reader):
    tab = reader.tab
    comes_and_goes(reader, "ada")
    reader.signs_in("bob")
    tab.click("mine")
    reader.sees("the page of bob")
    # Back to where Ada's page was.
    tab.back(2)
    reader.sees_nothing_of("ada")
    reader.sees("the page of bob")


def nobody_sees_a_page_after_signing_out(reader):
    tab = reader.tab
    comes_and_goes(reader, "ada")
    tab.back()
    reader.sees_nothing_of("ada")
    reader.sees("Sign in first")
    tab.open(f"{reader.address}/mine")
    reader.sees("Sign in first")


def without_a_change_of_a_cookie_the_back_button_does_not_ask(reader):
    """A limit that docs/http.md tells: the session must end in the browser, too. If this fails, tell that it is gone."""
    tab = reader.tab
    reader.signs_in("ada")
    tab.open(f"{reader.address}/")
    tab.click("mine")
    tab.click("home")
    assert reader.asked_by(tab.back) == []
    reader.sees("the page of ada")


def a_page_follows_the_language(reader):
    tab = reader.tab
    agent = tab.evaluate("navigator.userAgent")
    for language, greeting in (("en", "Good day"), ("de", "Guten Tag"), ("de-AT,de", "Guten Tag"), ("en", "Good day")):
        tab.send("Network.setUserAgentOverride", userAgent=agent, acceptLanguage=language)
        tab.open(f"{reader.address}/")
        tab.click("hello")
        reader.sees(greeting)


def a_page_that_is_kept_follows_the_cookie(reader):
    """With `.max_age(..)`: `private, max-age=60` and `Vary: Cookie`."""
    for theme, requests in (("dark", 1), ("light", 1), ("light", 0), ("dark", 1)):
        reader.tab.send("Network.setCookie", name="theme", value=theme, url=reader.address)
        reader.tab.open(f"{reader.address}/")
        asked = reader.asked_by(lambda: reader.tab.open(f"{reader.address}/theme"))
        assert len(asked) == requests, (theme, asked)
        reader.sees(f"a page in {theme}")


def a_parameter_that_is_ignored_makes_no_other_page(reader):
    tab = reader.tab
    tab.open(f"{reader.address}/max_age?utm=1")
    tab.open(f"{reader.address}/")
    assert reader.asked_by(lambda: tab.open(f"{reader.address}/max_age?utm=2")) == []
    reader.sees("max_age")
    tab.open(f"{reader.address}/note/1?utm=1")
    tab.open(f"{reader.address}/")
    (_, status), = reader.asked_by(lambda: tab.open(f"{reader.address}/note/1?utm=2"))
    assert status == 304, status
    reader.another_session_writes("another text")
    tab.open(f"{reader.address}/note/1?utm=3")
    reader.sees("another text")


def a_compressed_page_is_shown(reader):
    reader.tab.open(f"{reader.address}/report")
    reader.sees("flight 449: from JFK to LAX")
    reader.tab.open(f"{reader.address}/")
    assert reader.asked_by(lambda: reader.tab.open(f"{reader.address}/report")) == [("/report", 304)]
    reader.sees("flight 449: from JFK to LAX")


class Policy(http.server.BaseHTTPRequestHandler):
    """A proxy that adds a strict `Content-Security-Policy` to what the application answers."""

    def do_GET(self):
        reply = ask(self.server.origin, self.path, {"Accept": "text/html"})
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.get("content-type"))
        self.send_header("Content-Security-Policy", f"default-src 'none'; style-src {self.server.styles}")
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, *_):
        pass


@contextlib.contextmanager
def policy(origin, styles):
    """The address of such a proxy, which allows these styles."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Policy) as server:
        server.origin, server.styles = origin, styles
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


# The widths of a telephone and of a screen.
WIDTHS = (390, 1_280)
FORM = {
    "email": "ada.example.org",
    "name": "Ada <Lovelace>",
    "born": "18 15",
    "card": "99999999999",
    "note": "two\nlines",
}
WRONG = {
    "email": "an address has an @",
    "born": "enter a whole number",
    "card": "enter a whole number from 0 to 4294967295",
}


def looks(reader, width, scheme="light"):
    features = [{"name": "prefers-color-scheme", "value": scheme}]
    reader.tab.send("Emulation.setEmulatedMedia", features=features)
    screen = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 500}
    reader.tab.send("Emulation.setDeviceMetricsOverride", **screen)


def fits(reader):
    """Nothing of the page is beside the screen."""
    wide = reader.tab.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0, f"{reader.tab.evaluate('location.href')} is {wide} pixels too wide"


def a_refused_form_says_all_that_is_wrong_and_keeps_all_that_was_typed(reader):
    tab = reader.tab
    for width in WIDTHS:
        looks(reader, width)
        tab.open(f"{reader.address}/register")
        for name, value in FORM.items():
            tab.evaluate(f"document.forms[0]['{name}'].value = {json.dumps(value)}")
        tab.evaluate("document.forms[0].password.value = 'hunter2'")
        for box in ("[value=poetry]", "[name=news]"):
            tab.evaluate(f"document.querySelector('{box}').checked = true")
        tab.click("send")
        shown = {name: tab.evaluate(f"document.forms[0]['{name}'].value") for name in FORM}
        assert shown == FORM, shown
        messages = "JSON.stringify([...document.querySelectorAll('[aria-invalid]')].map(field => \
            [field.name, document.getElementById(field.getAttribute('aria-describedby')).innerText]))"
        assert dict(json.loads(tab.evaluate(messages))) == WRONG, tab.evaluate(messages)
        ticked = "[...document.querySelectorAll(':checked')].map(box => box.name + '=' + box.value).join()"
        assert tab.evaluate(ticked) == "interests=poetry,news=on", tab.evaluate(ticked)
        assert tab.evaluate("document.forms[0].password.value") == ""
        fits(reader)


def a_list_is_a_table_that_scrolls_in_its_own_region(reader):
    tab = reader.tab
    for width in WIDTHS:
        looks(reader, width)
        tab.open(f"{reader.address}/books")
        fits(reader)
        region = "document.querySelector('[role=region]')"
        assert tab.evaluate(f"{region}.scrollWidth > {region}.clientWidth"), "the table is wide enough to scroll"
        tab.evaluate(f"{region}.focus()")
        assert tab.evaluate(f"document.activeElement == {region}"), "the keyboard reaches it"
        assert tab.evaluate("getComputedStyle(document.querySelector('td')).textAlign") == "right"


def errors_and_lists_suit_dark_screens_and_strict_policies(reader):
    tab = reader.tab
    tab.send("Page.enable")
    tab.send("Page.addScriptToEvaluateOnNewDocument", source="""
        window.refused = []; addEventListener('securitypolicyviolation', event => refused.push(event.violatedDirective));
    """)
    with policy(reader.origin, "'none'") as address:
        for target in ("/nowhere", "/note/x", "/mine", "/books?page=x", "/%ff", "/plain.csv"):
            for width in WIDTHS:
                looks(reader, width, "dark")
                tab.open(address + target)
                assert tab.evaluate("refused.length") == 0, (target, tab.evaluate("refused.join()"))
                assert tab.evaluate("document.querySelector('meta[name=color-scheme]').content") == "light dark"
                assert tab.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"), target
                assert tab.evaluate("document.querySelector('h1').innerText"), target
                fits(reader)
    with policy(reader.origin, ask(reader.origin, "/style").body.decode()) as address:
        tab.open(f"{address}/books")
        assert tab.evaluate("refused.length") == 0, tab.evaluate("refused.join()")
        assert tab.evaluate("getComputedStyle(document.querySelector('.scroll')).overflowX") == "auto"
    with policy(reader.origin, "'none'") as address:
        tab.open(f"{address}/books")
        assert tab.evaluate("refused.join()").startswith("style-src"), "the style is refused"
        reader.sees("Der Zauberberg")


CLAIMS = [
    a_click_shows_the_change_of_another_session,
    two_readers_in_one_profile_never_see_each_others_page,
    nobody_sees_a_page_after_signing_out,
    without_a_change_of_a_cookie_the_back_button_does_not_ask,
    a_page_follows_the_language,
    a_page_that_is_kept_follows_the_cookie,
    a_parameter_that_is_ignored_makes_no_other_page,
    a_compressed_page_is_shown,
    a_refused_form_says_all_that_is_wrong_and_keeps_all_that_was_typed,
    a_list_is_a_table_that_scrolls_in_its_own_region,
    errors_and_lists_suit_dark_screens_and_strict_policies,
]


def holds(claim, tab, *asked):
    """Whether the claim holds, and says so."""
    try:
        told = claim(tab, *asked)
        print(claim.__name__.replace("_", " ") + (f": {told}" if told else ""), flush=True)
        return True
    except AssertionError as error:
        print(f"FAILED {claim.__name__}: {error}")
        return False


def in_front_of_readers(claim):
    with application() as (origin, _), chromium() as tab:
        return holds(claim, Reader(tab, origin))


def in_the_library(claim):
    """An application with forms, sessions and templates: `examples/library`."""
    key = "session.key=" + "0123456789abcdef" * 4
    admin = f"app.admin_password={members.PASSWORD}"
    with application(key, admin, "debug=true", program="library") as (origin, _), chromium() as tab:
        return holds(claim, tab, f"http://127.0.0.1:{origin}")


def in_front_of_an_operator(claim):
    with live.administered() as (ports, admin), chromium() as tab:
        return holds(claim, live.Operator(tab, ports, admin))


def main():
    held = [in_front_of_readers(claim) for claim in CLAIMS] + [in_the_library(claim) for claim in members.CLAIMS]
    held += [in_front_of_an_operator(claim) for claim in live.CLAIMS]
    print(f"{held.count(True)} passed, {held.count(False)} failed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
