"""The pages of the example `library`, and who may see them: what `make pages` visits."""

import typing

PASSWORD = "correct horse battery"


class Page(typing.NamedTuple):
    """A page under a path. What `act` does with it leads to the page that is judged, such as a form with its mistakes."""

    name: str
    path: str
    status: int = 200
    act: typing.Callable | None = None


def fill(tab, **values):
    for name, value in values.items():
        tab.evaluate(f"document.querySelector('[name={name}]').value = {value!r}")


def send(**values):
    """Fills the form of the page, and sends it."""

    def act(tab):
        fill(tab, **values)
        tab.click("send")

    return act


def joins(tab, origin):
    tab.open(f"{origin}/join")
    send(name="Ada", password=PASSWORD)(tab)


def borrows(tab, origin):
    tab.open(f"{origin}/borrow/1")
    tab.click("send")


STRANGER = [
    Page("welcome", "/"),
    Page("books", "/books"),
    Page("book", "/book/1"),
    Page("join", "/join"),
    Page("join-refused", "/join", 400, send(name="", password="")),
    Page("sign-in", "/sign_in"),
    Page("add", "/add"),
    Page("add-refused", "/add", 400, send(title="Sons", year="18x4", copies="70000")),
    Page("not-found", "/book/99", 404),
    Page("nowhere", "/nowhere", 404),
    Page("wrong", "/books?page=zero", 400),
]
READER = [
    Page("mine", "/mine"),
    Page("account", "/account"),
    Page("borrow", "/borrow/2"),
]
# In this order: what is done before a list is visited, and the list.
VISITS = [([], STRANGER), ([joins, borrows], READER)]
