"""The pages of the example `library`, and who may see them: what `make pages` visits."""

import typing

from library import ADMIN, PASSWORD


class Page(typing.NamedTuple):
    """A page under a path. What `act` does with it leads to the page that is judged, such as a form with its mistakes."""

    name: str
    path: str
    status: int = 200
    act: typing.Callable | None = None


def sends(**values):
    """Fills the form of the page, and sends it."""

    def act(tab):
        for name, value in values.items():
            if tab.evaluate(f"document.querySelector('main [name={name}]').type") == "radio":
                tab.evaluate(f"document.querySelector('main [name={name}][value=\"{value}\"]').checked = true")
            else:
                tab.evaluate(f"document.querySelector('main [name={name}]').value = {value!r}")
        # The server judges, and not the browser before it.
        tab.evaluate("document.getElementById('send').form.noValidate = true")
        tab.click("send")

    return act


def does(path, to, **values):
    """Sends the form at `path`, before pages are visited; it leads `to` another."""

    def deed(tab, origin):
        tab.open(origin + path)
        sends(**values)(tab)
        assert tab.evaluate("location.pathname") == to, f"{path} leads to {tab.evaluate('location.href')}: {tab.text()}"

    return deed


STRANGER = [
    Page("welcome", "/"),
    Page("welcome-german", "/?lang=de"),
    Page("books", "/books"),
    Page("books-found", "/books?q=the&sort=title&page=2"),
    Page("books-none", "/books?q=xyzzy"),
    Page("book", "/book/2"),
    Page("authors", "/authors"),
    Page("author", "/author/1"),
    Page("about", "/about"),
    Page("join", "/join"),
    Page("join-refused", "/join", 400, sends(name="", password="short")),
    Page("sign-in", "/sign-in"),
    Page("sign-in-refused", "/sign-in", 400, sends(name="Nobody", password=PASSWORD)),
    Page("not-found", "/book/99999", 404),
    Page("nowhere", "/nowhere", 404),
    Page("wrong", "/books?page=zero", 400),
]
READER = [
    Page("loans", "/loans"),
    Page("book-reviewed", "/book/1"),
    Page("borrow", "/borrow/2"),
    Page("give-back", "/give-back/1"),
    Page("review", "/review/2"),
    Page("review-refused", "/review/2", 400, sends(text="")),
    Page("forbidden", "/admin", 403),
    Page("sign-out", "/sign-out"),
]
ADMINS = [
    Page("admin", "/admin"),
    Page("admin-add", "/admin/add"),
    Page("admin-add-refused", "/admin/add", 400, sends(title="", year="18x4")),
    Page("admin-edit", "/admin/edit/2"),
]
# In this order: what is done before a list is visited, and the list.
VISITS = [
    ([], STRANGER),
    ([
        does("/join", "/loans", name="Ada", password=PASSWORD),
        does("/borrow/1", "/loans"),
        does("/review/1", "/book/1", stars="4", text="A second look pays."),
    ], READER),
    ([does("/sign-out", "/"), does("/sign-in", "/loans", name="admin", password=ADMIN)], ADMINS),
]
