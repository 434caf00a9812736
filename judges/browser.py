"""What a reader sees in headless Chromium after a change, and after another reader: `make browser`."""

import sys

import looks
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
    reader.sees("sign in first")
    tab.open(f"{reader.address}/mine")
    reader.sees("sign in first")


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


CLAIMS = [
    a_click_shows_the_change_of_another_session,
    two_readers_in_one_profile_never_see_each_others_page,
    nobody_sees_a_page_after_signing_out,
    without_a_change_of_a_cookie_the_back_button_does_not_ask,
    a_page_follows_the_language,
    a_page_that_is_kept_follows_the_cookie,
    a_parameter_that_is_ignored_makes_no_other_page,
    a_compressed_page_is_shown,
]


def holds(claim, tab, *asked):
    """Whether the claim holds, and says so."""
    try:
        claim(tab, *asked)
        print(claim.__name__.replace("_", " "))
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
    with application(key, "debug=true", program="library") as (origin, _), chromium() as tab:
        return holds(claim, tab, f"http://127.0.0.1:{origin}")


def main():
    held = [in_front_of_readers(claim) for claim in CLAIMS] + [in_the_library(claim) for claim in looks.CLAIMS]
    print(f"{held.count(True)} passed, {held.count(False)} failed")
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
