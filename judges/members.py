"""What a member of the example `library` sees in headless Chromium: a part of `make browser`.

Screenshots go to the folder that GIOTTO_SCREENSHOTS names, if it does.
"""

import base64
import os
import pathlib

SIZES = {"telephone": (390, 844), "desk": (1280, 800)}
THEMES = ("light", "dark")
PASSWORD = "correct horse battery"

# The colours of a text and of what is behind it, and whether anything is wider than the window, but for what scrolls by itself.
TEXT_COLOUR = "getComputedStyle(document.querySelector('h1')).color"
IS_TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"


def shade(colour):
    """How bright `rgb(..)` is, from 0 to 255."""
    red, green, blue = (float(part) for part in colour.split("(")[1].rstrip(")").split(",")[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def shoot(tab, name):
    folder = os.environ.get("GIOTTO_SCREENSHOTS")
    if folder:
        image = tab.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        pathlib.Path(folder, f"{name}.png").write_bytes(base64.b64decode(image))


def looks_right(tab, name):
    """The page that is open needs no scrolling sideways, and follows the theme."""
    for size, (width, height) in SIZES.items():
        tab.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        assert tab.evaluate("window.innerWidth") == width, f"{name}: without a viewport it is laid out for a desk"
        for theme in THEMES:
            scheme = {"name": "prefers-color-scheme", "value": theme}
            tab.send("Emulation.setEmulatedMedia", features=[scheme])
            text = shade(tab.evaluate(TEXT_COLOUR))
            assert (text < 100) == (theme == "light"), f"{name} on a {size} in the {theme}: text of shade {text}"
            assert not tab.evaluate(IS_TOO_WIDE), f"{name} is wider than a {size}"
            shoot(tab, f"{name}-{size}-{theme}")


def fill(tab, values):
    for name, value in values.items():
        tab.evaluate(f"document.querySelector('[name={name}]').value = {value!r}")


def sees(tab, text):
    assert text in tab.text(), f"{tab.evaluate('location.href')} shows {tab.text()!r}, not {text!r}"


def sees_nothing_of(tab, text):
    assert text not in tab.text(), f"{tab.evaluate('location.href')} shows {tab.text()!r}"


def cookies(tab):
    return {cookie["name"]: cookie for cookie in tab.send("Network.getCookies")["cookies"]}


def a_refused_form_of_templates_has_everything_that_was_typed(tab, origin):
    """Three fields are wrong, each says why, and nothing has to be typed again."""
    typed = {
        "title": "Sons",
        "author": "\"Ünï\" & <b>Sons</b>",
        "year": "18x4",
        "copies": "70000",
        "binding": "",
        "notes": "two\nlines, and a </textarea><script>document.title = 'bad'</script>",
    }
    tab.open(f"{origin}/add")
    fill(tab, typed)
    tab.click("send")
    kept = {name: tab.evaluate(f"document.querySelector('[name={name}]').value") for name in typed}
    assert kept == typed, f"{kept} is not {typed}"
    wrong = tab.evaluate("[...document.querySelectorAll('[aria-invalid=true]')].map(e => e.name).join()")
    assert wrong == "year,copies,binding", f"{wrong} are told as wrong: {tab.text()}"
    assert tab.evaluate("document.title") != "bad"
    looks_right(tab, "refused-form")
    fill(tab, {"year": "1904", "copies": "2", "binding": "paperback"})
    tab.click("send")
    sees(tab, "Sons")
    sees(tab, "1904")


def a_member_joins_borrows_and_leaves(tab, origin):
    """The messages are shown once, no script reads the session, and after signing out nobody sees the pages of the member."""
    tab.open(f"{origin}/mine")
    assert tab.evaluate("location.pathname") == "/sign_in", tab.text()
    tab.open(f"{origin}/join")
    fill(tab, {"name": "Ada", "password": PASSWORD})
    tab.click("send")
    sees(tab, "Reader Ada")
    sees(tab, "Welcome to the library.")
    card = tab.evaluate("document.getElementById('card').innerText")
    session = cookies(tab)["giotto_session"]
    assert session["httpOnly"] and session["sameSite"] == "Lax", session
    assert tab.evaluate("document.cookie") == "", tab.evaluate("document.cookie")
    looks_right(tab, "account")
    tab.open(f"{origin}/account")
    sees_nothing_of(tab, "Welcome")
    tab.click("mine")
    sees(tab, "Nothing is borrowed")
    tab.open(f"{origin}/borrow/1")
    tab.click("send")
    sees(tab, "Emma")
    looks_right(tab, "loans")
    tab.click("account")
    sees(tab, card)
    tab.click("leave")
    for path in ("/account", "/mine", "/mine.json", "/borrow/1"):
        tab.open(f"{origin}{path}")
        assert tab.evaluate("location.pathname") == "/sign_in", f"{path}: {tab.text()}"
    tab.back(3)
    for secret in (card, "Reader Ada", "Emma"):
        sees_nothing_of(tab, secret)


def its_default_and_own_pages_look_right(tab, origin):
    for name, path, words in (
        ("welcome", "/", "12 books"),
        ("default-list", "/books", "Middlemarch"),
        ("default-error-400", "/books?page=zero", "page"),
        ("default-error-405", "/sign_out", "http-post"),
        ("own-error-404", "/book/99", "no book 99"),
        ("own-error-404-nowhere", "/nowhere", "Page not found"),
    ):
        tab.open(f"{origin}{path}")
        sees(tab, words)
        assert tab.evaluate("document.querySelectorAll('h1').length") == 1, (path, tab.text())
        looks_right(tab, name)


CLAIMS = [
    a_refused_form_of_templates_has_everything_that_was_typed,
    a_member_joins_borrows_and_leaves,
    its_default_and_own_pages_look_right,
]
