"""How pages look in headless Chromium, on a telephone and on a desk, light and dark: a part of `make browser`.

Screenshots go to the folder that GIOTTO_SCREENSHOTS names, if it does.
"""

import base64
import os
import pathlib

SIZES = {"telephone": (390, 844), "desk": (1280, 800)}
THEMES = ("light", "dark")

# The colour of the text, and whether anything is wider than the window, but for what scrolls by itself.
TEXT_COLOUR = "getComputedStyle(document.querySelector('h1, p, dd, td') || document.body).color"
IS_TOO_WIDE = "document.documentElement.scrollWidth > window.innerWidth"
# Every visible control and link is large enough to be read, and the page is not shrunk.
SMALLEST_TEXT = """Math.min(...[...document.querySelectorAll('body *')]
    .filter(e => e.innerText && e.innerText.trim() && e.offsetParent !== null)
    .map(e => parseFloat(getComputedStyle(e).fontSize)))"""


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
    """The page that is open is readable in every size and theme, and needs no scrolling sideways."""
    for size, (width, height) in SIZES.items():
        tab.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 500)
        assert tab.evaluate("window.innerWidth") == width, f"{name}: without a viewport it is laid out for a desk"
        for theme in THEMES:
            scheme = {"name": "prefers-color-scheme", "value": theme}
            tab.send("Emulation.setEmulatedMedia", features=[scheme])
            text = shade(tab.evaluate(TEXT_COLOUR))
            assert (text < 100) == (theme == "light"), f"{name} on a {size} in the {theme}: text of shade {text}"
            assert not tab.evaluate(IS_TOO_WIDE), f"{name} is wider than a {size}"
            assert tab.evaluate(SMALLEST_TEXT) >= 12, f"{name} on a {size} has text that is too small"
            shoot(tab, f"{name}-{size}-{theme}")


def fill(tab, values):
    for name, value in values.items():
        tab.evaluate(f"document.querySelector('[name={name}]').value = {value!r}")


def values(tab, names):
    return {name: tab.evaluate(f"document.querySelector('[name={name}]').value") for name in names}


def a_refused_form_has_everything_that_was_typed(tab, origin):
    """Three fields are wrong, each says why, and nothing has to be typed again."""
    typed = {
        "title": "",
        "author": "\"Ünï\" & <b>Sons</b>",
        "year": "18x4",
        "copies": "70000",
        "binding": "paperback",
        "notes": "two\nlines, and a </textarea><script>document.title = 'bad'</script>",
    }
    tab.open(f"{origin}/add")
    fill(tab, typed)
    tab.click("send")
    kept = values(tab, typed)
    assert kept == typed, f"{kept} is not {typed}"
    wrong = tab.evaluate("[...document.querySelectorAll('[aria-invalid=true]')].map(e => e.name).join()")
    assert wrong == "title,year,copies", f"{wrong} are told as wrong: {tab.text()}"
    assert tab.evaluate("document.title") != "bad"
    looks_right(tab, "refused-form")
    fill(tab, {"title": "Sons", "year": "1904", "copies": "2"})
    tab.click("send")
    assert "Sons" in tab.text() and "1904" in tab.text(), tab.text()


def the_default_page_of_a_list_is_readable(tab, origin):
    tab.open(f"{origin}/books")
    assert "Middlemarch" in tab.text(), tab.text()
    assert tab.evaluate("document.querySelectorAll('h1').length") == 1, tab.text()
    aligned = tab.evaluate("""(() => { const cells = [...document.querySelectorAll('td')];
        const cell = cells.find(cell => cell.innerText.trim() == '1815');
        return cell && getComputedStyle(cell).textAlign })()""")
    assert aligned in ("right", "end"), f"numbers are aligned to the {aligned}"
    looks_right(tab, "default-list")


def the_default_pages_of_errors_are_readable(tab, origin):
    for name, path, words in (
        ("error-400", "/books?page=zero", "page"),
        ("error-403", "/sign_out", "") ,
        ("error-404", "/book/99", "no book 99"),
        ("error-406", "/book/1.csv", ""),
    ):
        tab.open(f"{origin}{path}")
        assert words in tab.text(), (path, tab.text())
        assert tab.evaluate("document.querySelectorAll('h1').length") == 1, (path, tab.text())
        looks_right(tab, name)


CLAIMS = [
    a_refused_form_has_everything_that_was_typed,
    the_default_page_of_a_list_is_readable,
    the_default_pages_of_errors_are_readable,
]
