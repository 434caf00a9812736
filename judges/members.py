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


def signs_in_as_admin(tab, origin):
    tab.open(f"{origin}/sign-in?next=/admin/add")
    fill(tab, {"name": "admin", "password": PASSWORD})
    tab.click("send")


def a_refused_form_of_templates_has_everything_that_was_typed(tab, origin):
    """Three fields are wrong, each says why, and nothing has to be typed again."""
    typed = {
        "title": "Sons",
        "author": "\"Ünï\" & <b>Sons</b>",
        "year": "18x4",
        "subject": "poetry",
        "pages": "70000",
        "copies": "",
        "summary": "two\nlines, and a </textarea><script>document.title = 'bad'</script>",
    }
    signs_in_as_admin(tab, origin)
    fill(tab, typed)
    tab.click("send")
    kept = {name: tab.evaluate(f"document.querySelector('[name={name}]').value") for name in typed}
    assert kept == typed, f"{kept} is not {typed}"
    wrong = tab.evaluate("[...document.querySelectorAll('[aria-invalid=true]')].map(e => e.name).join()")
    assert wrong == "year,pages,copies", f"{wrong} are told as wrong: {tab.text()}"
    assert tab.evaluate("document.title") != "bad"
    looks_right(tab, "refused-form")
    fill(tab, {"year": "1904", "pages": "310", "copies": "2"})
    tab.click("send")
    sees(tab, "Sons")
    sees(tab, "1904")
    # A message of the session is shown once.
    book = tab.evaluate("location.pathname").split("/")[2]
    tab.open(f"{origin}/admin/edit/{book}")
    looks_right(tab, "edit")
    tab.click("remove")
    sees(tab, "“Sons” is removed.")
    looks_right(tab, "admin")
    tab.open(f"{origin}/admin")
    sees_nothing_of(tab, "is removed")


def a_member_joins_borrows_and_leaves(tab, origin):
    """No script reads the session, and after signing out nobody sees the pages of the member."""
    tab.open(f"{origin}/loans")
    assert tab.evaluate("location.pathname") == "/sign-in", tab.text()
    tab.open(f"{origin}/join")
    fill(tab, {"name": "Ada", "password": PASSWORD})
    tab.click("send")
    sees(tab, "Reader Ada")
    sees(tab, "You have not borrowed anything")
    card = tab.evaluate("document.getElementById('card').innerText")
    session = cookies(tab)["giotto_session"]
    assert session["httpOnly"] and session["sameSite"] == "Lax", session
    assert tab.evaluate("document.cookie") == "", tab.evaluate("document.cookie")
    tab.open(f"{origin}/book/1")
    title = tab.evaluate("document.querySelector('h1').innerText")
    looks_right(tab, "book")
    tab.click("borrow")
    tab.click("send")
    sees(tab, title)
    looks_right(tab, "loans")
    tab.open(f"{origin}/sign-out")
    tab.click("send")
    for path in ("/loans", "/loans.json", "/borrow/1"):
        tab.open(f"{origin}{path}")
        assert tab.evaluate("location.pathname") == "/sign-in", f"{path}: {tab.text()}"
    tab.back(3)
    for secret in (card, "Reader Ada", title):
        sees_nothing_of(tab, secret)


def a_review_is_seen_by_another_reader_at_once(tab, origin):
    tab.open(f"{origin}/book/2")
    sees_nothing_of(tab, "Read it in one night")
    tab.click("review")
    tab.open(f"{origin}/join?next=/review/2")
    fill(tab, {"name": "Bob", "password": PASSWORD})
    tab.click("send")
    tab.evaluate("document.querySelector('[name=stars][value=\"5\"]').checked = true")
    fill(tab, {"text": "Read it in one night."})
    looks_right(tab, "review")
    tab.click("send")
    sees(tab, "Read it in one night.")
    tab.open(f"{origin}/sign-out")
    tab.click("send")
    sees(tab, "What readers like best")
    looks_right(tab, "best-rated")
    tab.open(f"{origin}/book/2")
    sees(tab, "Read it in one night.")


def its_default_and_own_pages_look_right(tab, origin):
    for name, path, words in (
        ("welcome", "/", "3000 books"),
        ("books", "/books?q=the&page=5", "The "),
        ("authors", "/authors", "Ada "),
        ("author", "/author/1", "Ada "),
        ("about", "/about", "invented"),
        ("german", "/books?lang=de", "3000 Bücher"),
        ("sign-in", "/sign-in", "Sign in"),
        ("error-400", "/books?page=zero", "page"),
        ("error-405", "/admin/delete", "http-post"),
        ("error-404", "/book/9999", "no book with the number 9999"),
        ("error-404-nowhere", "/nowhere", "Page not found"),
    ):
        tab.open(f"{origin}{path}")
        sees(tab, words)
        assert tab.evaluate("document.querySelectorAll('h1').length") == 1, (path, tab.text())
        looks_right(tab, name)


CLAIMS = [
    a_refused_form_of_templates_has_everything_that_was_typed,
    a_member_joins_borrows_and_leaves,
    a_review_is_seen_by_another_reader_at_once,
    its_default_and_own_pages_look_right,
]
