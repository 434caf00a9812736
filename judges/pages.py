"""Every page of the example `library` in headless Chromium, in both schemes, at four widths: `make pages`.

Each page fits its window, says nothing in red in the console, can be used with the keyboard alone, has no serious finding of
axe-core, and a score of 95 or more of Lighthouse. The screenshots are in target/pages/.
"""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import sys
import urllib.parse

from chromium import chromium
from common import PATIENCE, ROOT, application
from library import ADMIN, KEY
from visits import VISITS

SCHEMES = ("light", "dark")
HEIGHTS = {390: 844, 768: 1024, 1280: 800, 1600: 900}
# The width at which a scheme is judged by axe and by the keyboard: what is hidden on a telephone is tried once, too.
JUDGED_AT = {"light": 1280, "dark": 390}
LEAST = 95
PICTURES = ROOT / "target" / "pages"
MODULES = ROOT / "target" / "lighthouse" / "node_modules"
AXE = (MODULES / "axe-core" / "axe.min.js").read_text()

TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
AXE_RUN = "axe.run(document, {resultTypes: ['violations']}).then(found => found.violations.map(one => \
    ({impact: one.impact, id: one.id, help: one.help, where: one.nodes.map(node => node.target.join(' ')).slice(0, 3)})))"
# What a reader can use: each control, and of radio buttons with one name the one that Tab reaches.
CONTROLS = """
    window.tabbed = name => document.querySelector(`[name="${name}"]:checked`) ?? document.querySelector(`[name="${name}"]`);
    window.controls = [...document.querySelectorAll('a[href], button, input, select, textarea, summary, [tabindex]')].filter(one =>
        one.tabIndex >= 0 && !one.disabled && one.getClientRects().length && getComputedStyle(one).visibility == 'visible'
        && (one.type != 'radio' || one == tabbed(one.name)));
    window.look = one => { const style = getComputedStyle(one);
        return [style.outline, style.boxShadow, style.border, style.backgroundColor, style.textDecoration, style.clipPath].join() };
    window.looks = controls.map(look);
    controls.length
"""
FOCUSED = """(() => {
    const one = document.activeElement, at = controls.indexOf(one), box = one.getBoundingClientRect();
    return {at, name: one.outerHTML.slice(0, 90), differs: at >= 0 && look(one) != looks[at],
        shown: box.width > 0 && box.right > 0 && box.bottom > 0 && box.left < innerWidth && box.top < innerHeight};
})()"""
LINKS = "[...document.querySelectorAll('a[href], form[method=get], form:not([method])')].map(one => one.href || one.action)"


class Judged:
    """The pages of one browser in front of one server, and what is wrong with them."""

    def __init__(self, tab, origin, lighthouse):
        self.tab, self.origin, self.lighthouse = tab, origin, lighthouse
        self.faults, self.notes, self.linked = [], [], set()
        # The lowest score of Lighthouse in each category.
        self.least = {}

    def fault(self, page, *words):
        self.faults.append(f"{page.name}: " + " ".join(str(word) for word in words))

    def value(self, expression):
        answer = self.tab.send("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def look(self, scheme, width):
        screen = {"width": width, "height": HEIGHTS[width], "deviceScaleFactor": 1, "mobile": width < 500}
        self.tab.send("Emulation.setDeviceMetricsOverride", **screen)
        # Without movement there is nothing to wait for.
        wanted = {"prefers-color-scheme": scheme, "prefers-reduced-motion": "reduce"}
        self.tab.send("Emulation.setEmulatedMedia", features=[{"name": n, "value": v} for n, v in wanted.items()])

    def page(self, page):
        self.tab.errors.clear()
        for scheme in SCHEMES:
            self.look(scheme, JUDGED_AT[scheme])
            self.tab.open(f"{self.origin}{page.path}")
            if page.act:
                page.act(self.tab)
            self.is_accessible(page, scheme)
            self.obeys_the_keyboard(page, scheme)
            self.value("document.activeElement.blur()")
            for width in HEIGHTS:
                self.look(scheme, width)
                if wide := self.value(TOO_WIDE):
                    self.fault(page, f"{wide} px too wide at {width} px")
                self.shoot(f"{page.name}-{scheme}-{width}")
            self.linked.update(self.value(LINKS))
        for error in self.tab.errors:
            if not (page.status >= 400 and f"status of {page.status}" in error):
                self.fault(page, "the console says", error)
        if page.act is None:
            self.is_praised(page)

    def is_accessible(self, page, scheme):
        self.value(f"{AXE}; undefined")
        for found in self.value(AXE_RUN):
            text = f"axe, {scheme}: {found['impact']} {found['id']}: {found['help']}: {found['where']}"
            if found["impact"] in ("serious", "critical"):
                self.fault(page, text)
            else:
                self.notes.append(f"{page.name}: {text}")

    def obeys_the_keyboard(self, page, scheme):
        """Tab reaches every control, and shows which one it has reached."""
        # From the beginning of the document, as a reader begins.
        self.value("document.activeElement.blur(); getSelection().removeAllRanges(); scrollTo(0, 0)")
        left = set(range(self.value(CONTROLS)))
        for _ in range(len(left)):
            for kind in ("rawKeyDown", "keyUp"):
                self.tab.send("Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9)
            focused = self.value(FOCUSED)
            left.discard(focused["at"])
            if not (focused["differs"] and focused["shown"]):
                self.fault(page, f"the focus is not to be seen, {scheme}:", focused)
        for at in left:
            self.fault(page, f"Tab does not reach, {scheme}:", self.value(f"controls[{at}].outerHTML.slice(0, 90)"))

    def shoot(self, name):
        picture = self.tab.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)["data"]
        (PICTURES / f"{name}.png").write_bytes(base64.b64decode(picture))

    def is_praised(self, page):
        self.lighthouse.stdin.write(f"{self.origin}{page.path}\n")
        self.lighthouse.stdin.flush()
        line = self.lighthouse.stdout.readline()
        assert line, f"Lighthouse ended: {self.lighthouse.wait(PATIENCE)}"
        told = json.loads(line)
        # An error page has no score: its status is an error of Lighthouse, too.
        if page.status >= 400:
            return
        if told["error"] or min(told["scores"].values()) < LEAST:
            self.fault(page, f"Lighthouse: {told}")
        self.least = {name: min(score, self.least.get(name, 100)) for name, score in told["scores"].items()}
        self.notes.extend(f"{page.name}: Lighthouse: {fault}" for fault in told["faults"])

    def are_all_linked(self):
        """There is no link to a program that no page of the list is of."""
        known = {program(page.path) for _, pages in VISITS for page in pages}
        for address in sorted(self.linked):
            path = urllib.parse.urlsplit(address).path
            # A feed is no page.
            if address.startswith(self.origin) and "." not in path and program(path) not in known:
                self.faults.append(f"no page of the list is of this program: {address}")


def program(path):
    """The path of the program of a page: without numbers and languages, which are its arguments, and without the query."""
    path = urllib.parse.urlsplit(path).path
    return "/".join(part for part in path.split("/") if part and not re.fullmatch(r"\d+|en|de", part))


@contextlib.contextmanager
def lighthouse(port):
    command = ["node", str(ROOT / "judges" / "lighthouse.mjs"), str(MODULES), str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.stdin.close()


def main():
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    settings = (f"session.key={KEY}", f"app.admin_password={ADMIN}", "debug=true")
    with application(*settings, program="library") as (port, _), chromium() as tab, lighthouse(tab.port) as praising:
        for domain in ("Log", "Runtime", "Page"):
            tab.send(f"{domain}.enable")
        judged = Judged(tab, f"http://127.0.0.1:{port}", praising)
        for deeds, pages in VISITS:
            for deed in deeds:
                deed(tab, judged.origin)
            for page in pages:
                before = len(judged.faults)
                judged.page(page)
                print(f"{page.name}: {len(judged.faults) - before} faults", flush=True)
        judged.are_all_linked()
    for note in judged.notes:
        print(f"note: {note}")
    for fault in judged.faults:
        print(f"FAILED {fault}")
    print(f"{sum(len(pages) for _, pages in VISITS)} pages, {len(judged.faults)} faults, Lighthouse at least {judged.least}; "
          f"screenshots in {PICTURES}")
    return 1 if judged.faults else 0


if __name__ == "__main__":
    sys.exit(main())
