"""What an operator sees of the live page in headless Chromium, and does with it: a part of `make browser`.

The application has four processes, with memory above one Redis. Screenshots go to the folder that GIOTTO_SCREENSHOTS names, if
it does.
"""

import contextlib
import json
import pathlib
import socket
import tempfile
import urllib.parse

from common import PATIENCE, ask, free_port, run, server, stop, until
from members import looks_right
from visitors import visiting

HTML = {"Accept": "text/html"}
HOSTILE = "<img src=x onerror=\"document.hacked=1\"><script>document.hacked=1</script>"

# Everything that a console would show in red.
COMPLAINTS = """
window.complaints = [];
addEventListener('error', event => complaints.push(event.message));
addEventListener('unhandledrejection', event => complaints.push(String(event.reason)));
addEventListener('securitypolicyviolation', event => complaints.push(event.violatedDirective + ' ' + event.blockedURI));
"""
PROCESSES = 4
# The code of each key.
KEYS = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowLeft": 37, " ": 32}


class Operator:
    """An operator in a browser, in front of the live page of one process of an application; the ports of all, its own first."""

    def __init__(self, tab, ports, admin):
        self.tab, self.ports, self.public, self.admin = tab, ports, ports[0], admin
        for domain in ("Page", "Log", "Runtime"):
            tab.send(f"{domain}.enable")
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

    def is_hit(self, target, port=None):
        return "; hit" in ask(port or self.public, target, HTML).get("cache-status")

    def has_no_complaint(self, refused=0):
        """Nothing is red in the console but changes that were `refused`, of which a browser tells by itself."""
        assert self.tab.evaluate("complaints.join()") == "", self.tab.evaluate("complaints.join()")
        of_mistakes = [error for error in self.tab.errors if "status of 400" in error and error.endswith("/change")]
        assert len(of_mistakes) == refused == len(self.tab.errors), self.tab.errors

    def snapshot(self):
        """The first event of a stream."""
        with socket.create_connection(("127.0.0.1", self.admin), PATIENCE) as stream:
            stream.sendall(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            for line in stream.makefile("rb"):
                if line.startswith(b"data: "):
                    return json.loads(line[len(b"data: "):])
        raise AssertionError("the stream has ended")


def it_shows_the_load_on_a_telephone_and_on_a_desk_by_day_and_by_night(operator):
    with visiting(operator.ports) as visits:
        operator.opens()
        operator.until("there are top pages", "document.querySelectorAll('#pages tr').length > 3")
        operator.until("the chart has a minute", "document.getElementById('chart-from').textContent != '30 s ago'")
        shown = operator.tab.text()
        for words in ("Hit rate", "note", "First seen", "locmem", "redis", "search"):
            assert words in shown, (words, shown)
        rate = operator.tab.evaluate("document.getElementById('rate').textContent")
        assert 20 < float(rate.rstrip(" %")) <= 100, rate
        looks_right(operator.tab, "live")
    told = visits.tell()
    total = operator.snapshot()["total"]
    lookups = total["fresh"] + sum(total["stale"].values()) + sum(total["misses"].values())
    assert 0 < lookups <= visits.answered[0], (lookups, list(visits.answered))
    operator.has_no_complaint()
    return told


def a_purge_under_load_is_seen_by_all_processes(operator):
    """Each process has copies in its memory, and each is asked for a page that no other one has computed since."""
    own = {port: f"/note/{9_000 + number}" for number, port in enumerate(operator.ports)}
    with visiting(operator.ports) as visits:
        operator.opens()
        until("there were many visits", lambda: sum(visits.answered) > 10 * visits.rate)
        for target in own.values():
            for port in operator.ports:
                until("it is stored", lambda target=target, port=port: operator.is_hit(target, port))
        button = "[aria-label='Purge pages of note']"
        operator.until("the program is there", f"!!document.querySelector({json.dumps(button)})")
        operator.clicks(button)
        assert "note" in operator.tab.evaluate("document.getElementById('plan').textContent")
        operator.clicks("[name=hard][value=yes]")
        operator.clicks("#sure")
        operator.until("it is done", "!document.getElementById('said').hidden && !document.getElementById('confirm').open")
        said = operator.tab.evaluate("document.getElementById('said').textContent")
        seen = [port for port, target in own.items() if not operator.is_hit(target, port)]
    told = visits.tell()
    assert len(seen) == len(operator.ports), f"{len(seen)} of {len(operator.ports)} processes have seen it: {said}"
    operator.has_no_complaint()
    return f"{said}; {told}"


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
    operator.has_no_complaint(refused=1)


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
    a_purge_under_load_is_seen_by_all_processes,
    a_screen_reader_finds_a_name_for_all_that_can_be_used,
    a_page_that_nobody_sees_does_not_listen,
]


@contextlib.contextmanager
def administered():
    """The processes on a Redis of their own, the first with an admin listener: their ports, and that of the listener."""
    redis, admin = free_port(), free_port()
    cache = f'cache = {{ layers = ["locmem", {{ engine = "redis", port = {redis} }}] }}\n'
    with contextlib.ExitStack() as started:
        folder = started.enter_context(tempfile.TemporaryDirectory())
        (pathlib.Path(folder) / "giotto.toml").write_text(cache)
        store = run(["redis-server", "--port", str(redis), "--bind", "127.0.0.1", "--save", ""], redis, folder)
        started.callback(stop, store)
        own = [f"admin.listen=127.0.0.1:{admin}"]
        processes = [started.enter_context(server(folder, *(own if number == 0 else ()))) for number in range(PROCESSES)]
        until("the admin listener is open", lambda: ask(admin, "/healthz").status == 200)
        yield [port for port, _ in processes], admin
