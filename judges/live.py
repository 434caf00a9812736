"""What an operator sees of the live page in headless Chromium, and does with it: a part of `make browser`.

Screenshots go to the folder that GIOTTO_SCREENSHOTS names, if it does.
"""

import contextlib
import http.client
import json
import random
import socket
import threading
import time
import urllib.parse

from common import PATIENCE, application, ask, free_port, until
from members import looks_right

HTML = {"Accept": "text/html"}
HOSTILE = "<img src=x onerror=\"document.hacked=1\"><script>document.hacked=1</script>"

# Everything that a console would show in red.
COMPLAINTS = """
window.complaints = [];
addEventListener('error', event => complaints.push(event.message));
addEventListener('unhandledrejection', event => complaints.push(String(event.reason)));
addEventListener('securitypolicyviolation', event => complaints.push(event.violatedDirective + ' ' + event.blockedURI));
"""
# The code of each key.
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, " ": 32}


class Operator:
    """An operator in a browser, in front of the live page of an application."""

    def __init__(self, tab, public, admin):
        self.tab, self.public, self.admin = tab, public, admin
        tab.send("Page.enable")
        tab.send("Page.addScriptToEvaluateOnNewDocument", source=COMPLAINTS)
        # What a claim before this one has left.
        tab.send("Emulation.setDeviceMetricsOverride", width=1280, height=900, deviceScaleFactor=1, mobile=False)

    def opens(self):
        self.tab.open(f"http://127.0.0.1:{self.admin}/")
        self.until("it is live", "document.getElementById('state').dataset.state == 'live'")

    def until(self, what, condition):
        until(what, lambda: self.tab.evaluate(condition))

    def presses(self, key):
        text = {"Enter": "\r", " ": " "}.get(key, "")
        code = {"key": key, "code": "Space" if key == " " else key, "windowsVirtualKeyCode": KEYS[key]}
        self.tab.send("Input.dispatchKeyEvent", type="keyDown", text=text, **code)
        self.tab.send("Input.dispatchKeyEvent", type="keyUp", **code)

    def types(self, text):
        self.tab.send("Input.insertText", text=text)

    def focused(self):
        return self.tab.evaluate("document.activeElement.id || document.activeElement.textContent.trim()")

    def tabs_to(self, wanted):
        """Presses the key Tab until this element has the focus, and says how often."""
        for number in range(1, 100):
            self.presses("Tab")
            if self.focused() == wanted:
                return number
        raise AssertionError(f"the key Tab does not reach {wanted}")

    def clicks(self, selector):
        assert self.tab.evaluate(f"!!document.querySelector({json.dumps(selector)})"), f"there is no {selector}"
        self.tab.evaluate(f"document.querySelector({json.dumps(selector)}).click()")

    def is_hit(self, target):
        return "hit" in ask(self.public, target, HTML).get("cache-status")

    def has_no_complaint(self):
        assert self.tab.evaluate("complaints.join()") == "", self.tab.evaluate("complaints.join()")

    def snapshot(self):
        """The first event of a stream."""
        with socket.create_connection(("127.0.0.1", self.admin), PATIENCE) as stream:
            stream.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for line in stream.makefile("rb"):
                if line.startswith(b"data: "):
                    return json.loads(line[len(b"data: "):])
        raise AssertionError("the stream has ended")


@contextlib.contextmanager
def load(port, rate=1_000, clients=2):
    """Requests at this rate, as far as the machine lets them: some pages often, most seldom, and some that are invented."""
    ends = threading.Event()
    asked = [0]

    def target(number):
        popular = int(random.paretovariate(1.1)) % 400
        return (f"/note/{popular}", f"/search?words={popular}&page=1", "/report", f"/theme?utm={number}",
                f"/search?words={random.randrange(10**9)}&page=2", f"/hello?x={popular}")[min(int(random.expovariate(.7)), 5)]

    def client():
        connection, begun, number = http.client.HTTPConnection("127.0.0.1", port, PATIENCE), time.monotonic(), 0
        while not ends.wait(max(0, begun + number * clients / rate - time.monotonic())):
            connection.request("GET", target(number), headers=HTML)
            connection.getresponse().read()
            number += 1
            asked[0] += 1

    threads = [threading.Thread(target=client, daemon=True) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield asked
    finally:
        ends.set()
        for thread in threads:
            thread.join()


def it_shows_the_load_on_a_telephone_and_on_a_desk_by_day_and_by_night(operator):
    with load(operator.public) as asked:
        operator.opens()
        operator.until("there are top pages", "document.querySelectorAll('#pages tr').length > 3")
        operator.until("the chart has a minute", "document.getElementById('chart-from').textContent != '30 s ago'")
        shown = operator.tab.text()
        for words in ("Hit rate", "note", "First seen", "locmem", "search"):
            assert words in shown, (words, shown)
        rate = operator.tab.evaluate("document.getElementById('rate').textContent")
        assert 20 < float(rate.rstrip(" %")) <= 100, rate
        looks_right(operator.tab, "live")
    total = operator.snapshot()["total"]
    lookups = total["fresh"] + sum(total["stale"].values()) + sum(total["misses"].values())
    assert 0 < lookups <= asked[0], (lookups, asked)
    operator.has_no_complaint()


def what_a_client_sends_is_shown_as_text(operator):
    target = f"/search?words={urllib.parse.quote(HOSTILE)}&page=1"
    operator.opens()
    for _ in range(3):
        ask(operator.public, target, HTML)
    top = "document.getElementById('pages').innerText.includes('onerror')"
    until("it is a top page", lambda: operator.is_hit(target) and operator.tab.evaluate(top))
    operator.clicks("#pages button")
    operator.until("it is explained", "document.getElementById('explained-body').innerText.includes('onerror')")
    assert operator.tab.evaluate("document.images.length") == 0
    assert operator.tab.evaluate("document.hacked") is None
    operator.has_no_complaint()


def it_is_used_by_keyboard(operator):
    ask(operator.public, "/note/1", HTML)
    operator.opens()
    operator.until("the programs are there", "document.querySelectorAll('#programs tbody tr').length > 0")
    operator.presses("Tab")
    assert operator.focused() == "Skip to the figures", operator.focused()
    operator.presses("Enter")
    operator.tabs_to("asked")
    operator.types("note.html 1")
    operator.presses("Enter")
    operator.until("it is explained", "document.getElementById('explained-body').innerText.includes('a hit')")
    assert operator.tab.evaluate("document.activeElement.closest('dialog') != null"), "the focus is in the dialog"
    operator.presses("Escape")
    assert operator.tab.evaluate("document.querySelector('dialog[open]') == null"), "the key Escape closes it"
    assert operator.focused() == "asked", operator.focused()
    operator.until("there are figures", "document.getElementById('load-read').textContent.startsWith('now')")
    operator.tabs_to("plot")
    operator.presses("ArrowLeft")
    read = operator.tab.evaluate("document.getElementById('load-read').textContent")
    assert "s ago" in read or "of that time" in read, read
    operator.tabs_to("Misses")
    operator.presses("Enter")
    order = operator.tab.evaluate("document.querySelector('[data-sort=misses]').ariaSort")
    assert order == "descending", order
    operator.tabs_to("Purge…")
    operator.presses("Enter")
    assert operator.tab.evaluate("document.getElementById('confirm').open"), "it asks"
    operator.presses("Escape")
    assert operator.focused() == "Purge…" and operator.is_hit("/note/1")
    operator.has_no_complaint()


def a_purge_is_confirmed_obeyed_and_shown(operator):
    for number in (1, 2):
        ask(operator.public, f"/note/{number}", HTML)
    operator.opens()
    operator.until("the programs are there", "document.querySelectorAll('#programs tbody button').length > 0")
    operator.clicks("#programs tbody button")
    plan = operator.tab.evaluate("document.getElementById('plan').textContent")
    assert "note" in plan, plan
    operator.clicks("[value=cancel]")
    assert operator.is_hit("/note/1"), "a plan alone changes nothing"
    operator.clicks("#programs tbody button")
    operator.clicks("[name=hard][value=yes]")
    operator.clicks("#sure")
    operator.until("it is done", "!document.getElementById('said').hidden && !document.getElementById('confirm').open")
    assert not operator.is_hit("/note/1") and not operator.is_hit("/note/2")
    operator.until("it is shown", "document.getElementById('purges').innerText.includes('the live page, from 127.0.0.1')")
    # What matches is counted before it goes.
    for number in (1, 2, 12):
        ask(operator.public, f"/note/{number}", HTML)
    operator.clicks("#purge")
    operator.clicks("[name=scope][value=pattern]")
    assert operator.tab.evaluate("document.getElementById('sure').disabled"), "nothing is named yet"
    operator.tab.evaluate("document.getElementById('change').elements.pattern.focus()")
    operator.types("note id=1*")
    operator.clicks("#try")
    operator.until("they are counted", "document.getElementById('counted').textContent.includes('2 pages')")
    assert operator.is_hit("/note/1"), "to count them changes nothing"
    operator.clicks("#sure")
    operator.until("it is done", "!document.getElementById('confirm').open")
    assert not operator.is_hit("/note/1") and operator.is_hit("/note/2")
    # A mistake is told where it was made.
    operator.clicks("#purge")
    operator.tab.evaluate("document.getElementById('change').elements.program.value = 'nothing'")
    operator.tab.evaluate("document.getElementById('change').dispatchEvent(new Event('input'))")
    operator.clicks("#sure")
    operator.until("it is refused", "document.getElementById('change-said').textContent.includes('no program')")
    assert operator.tab.evaluate("document.getElementById('confirm').open")
    operator.has_no_complaint()


def a_screen_reader_finds_a_name_for_all_that_can_be_used(operator):
    ask(operator.public, "/note/1", HTML)
    operator.opens()
    operator.until("the programs are there", "document.querySelectorAll('#programs tbody button').length > 0")
    operator.tab.send("Accessibility.enable")
    roles = {"button", "textbox", "searchbox", "radio", "link", "table", "region", "image", "dialog", "combobox"}

    def nameless(least):
        nodes = operator.tab.send("Accessibility.getFullAXTree")["nodes"]
        seen = [node for node in nodes if not node["ignored"] and node["role"]["value"] in roles]
        assert len(seen) >= least, len(seen)
        return [node["role"]["value"] for node in seen if not node.get("name", {}).get("value")]

    # A table has the name of the region around it.
    assert set(nameless(20)) <= {"table"}, nameless(20)
    # Beside an open dialog there is nothing else.
    operator.clicks("#purge")
    assert nameless(8) == [], nameless(8)
    levels = operator.tab.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(h => h.localName).join()")
    assert levels.startswith("h1,h2") and levels.count("h1") == 1, levels


def a_page_that_nobody_sees_does_not_listen(operator):
    operator.opens()
    until("it watches", lambda: operator.snapshot()["watching"] == 2)
    operator.tab.open("about:blank")
    until("it does not", lambda: operator.snapshot()["watching"] == 1)
    operator.opens()
    operator.clicks("#pause")
    until("a paused page does not", lambda: operator.snapshot()["watching"] == 1)
    operator.clicks("#pause")
    operator.until("it is live again", "document.getElementById('state').dataset.state == 'live'")


CLAIMS = [
    it_shows_the_load_on_a_telephone_and_on_a_desk_by_day_and_by_night,
    what_a_client_sends_is_shown_as_text,
    it_is_used_by_keyboard,
    a_purge_is_confirmed_obeyed_and_shown,
    a_screen_reader_finds_a_name_for_all_that_can_be_used,
    a_page_that_nobody_sees_does_not_listen,
]


@contextlib.contextmanager
def administered():
    """The application with an admin listener: both ports."""
    admin = free_port()
    with application(f"admin.listen=127.0.0.1:{admin}") as (public, _):
        until("the admin listener is open", lambda: ask(admin, "/healthz").status == 200)
        yield public, admin
