"""Draws the dashboard of docs/grafana with the figures of a real Prometheus: `make dashboard-picture`.

Four processes of an application, with memory above one Redis, are under load for some minutes, in which pages are changed, a
crawler comes, and Redis is gone for a while. Prometheus reads them each second. Then each query of each panel is asked, and drawn
in the place, with the title, the unit, the colours and the legend that the panel says. Grafana draws the same panels. It fails if
one has no figures.
"""

import contextlib
import json
import os
import pathlib
import random
import re
import sys
import tempfile
import threading
import time

from matplotlib import dates, pyplot, ticker
from matplotlib.patches import FancyBboxPatch
from PIL import Image

from common import ROOT, ask, free_port, run, server, stop, until
from metrics import DASHBOARD, prometheus
from visitors import visiting

PICTURE = ROOT / "docs/dashboard.png"
PROCESSES = 4
RATE = 300
# The story, in seconds.
STORY = int(os.environ.get("GIOTTO_SECONDS", "240"))
STEP = 1

# As Grafana draws them in its dark theme.
CANVAS, PANEL, BORDER, TEXT, FAINT, GRID = "#111217", "#181b1f", "#2c3235", "#ccccdc", "#9a9ca5", "#25272c"
COLOURS = ["#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9", "#705da0", "#37872d", "#fade2a"]
NAMED = {"green": "#73bf69", "orange": "#ff9830", "red": "#f2495c", "blue": "#5794f2"}
CELL, GAP, COLUMNS, WIDTH = 30, 8, 24, 1440


def thousands(value, unit=""):
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.3g} {letter}{unit}"
    return f"{value:.3g}{unit}"


def seconds(value):
    for size, name in ((1, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if abs(value) >= size:
            return f"{value / size:.3g} {name}"
    return "0 s"


def sized(value):
    for power, name in ((3, "GiB"), (2, "MiB"), (1, "KiB")):
        if abs(value) >= 1024 ** power:
            return f"{value / 1024 ** power:.3g} {name}"
    return f"{value:.3g} B"


UNITS = {
    "percentunit": lambda value: f"{100 * value:.3g}%",
    "reqps": lambda value: thousands(value, " req/s"),
    "ops": lambda value: thousands(value, " ops/s"),
    "s": seconds,
    "bytes": sized,
    "short": thousands,
}


# The story.


def crawl(port, ends):
    """Asks for what nobody else asks for."""
    while not ends.is_set():
        with contextlib.suppress(OSError):
            ask(port, f"/search?words={random.randrange(10**12)}&page=9", {"Accept": "text/html"})


def write(ports, ends):
    """Changes notes, as writers do, and asks for pages that are renewed in the background or not stored."""
    number = 0
    while not ends.wait(0.1):
        number += 1
        port = ports[number % len(ports)]
        with contextlib.suppress(OSError):
            ask(port, f"/note/{number % 30}", method="POST", body=f"text=written {number}")
            ask(port, f"/old/{number % 5}", {"Accept": "text/html"})
            ask(port, "/secret", {"Accept": "text/html"})


def crowd(ports, ends):
    """Many requests of one reader at once for a page that is new."""
    number = 0
    while not ends.wait(1):
        number += 1
        cookie = {"Cookie": f"user={number}", "Accept": "text/html"}
        readers = [threading.Thread(target=ask, args=(port, "/mine", cookie)) for port in ports for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()


@contextlib.contextmanager
def background(*tasks):
    """Runs each function, with its arguments, until the block ends."""
    ends = threading.Event()
    threads = [threading.Thread(target=task, args=(*arguments, ends)) for task, *arguments in tasks]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ends.set()
        for thread in threads:
            thread.join()


@contextlib.contextmanager
def running(folder):
    """The processes and their Redis: their ports, those of their admin listeners, and what kills Redis and starts it again."""
    port, admins = free_port(), [free_port() for _ in range(PROCESSES)]
    layers = f'[{{ engine = "locmem", max_bytes = {4 << 20} }}, {{ engine = "redis", port = {port} }}]'
    (pathlib.Path(folder) / "giotto.toml").write_text(f"cache = {{ layers = {layers} }}\n")
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--maxmemory", "3mb",
               "--maxmemory-policy", "allkeys-lru"]
    redis = [run(command, port, folder)]

    def lost(duration):
        redis[0].kill()
        redis[0].wait()
        time.sleep(duration)
        redis[0] = run(command, port, folder)

    with contextlib.ExitStack() as started:
        started.callback(lambda: stop(redis[0]))
        servers = [started.enter_context(server(folder, f"admin.listen=127.0.0.1:{admin}")) for admin in admins]
        yield [port for port, _ in servers], admins, lost


def play(ports, lost):
    """The story: a steady load, then a crawler, then Redis is gone, then all is well again."""
    part = STORY / 6
    with visiting(ports, RATE), background((write, ports), (crowd, ports)):
        time.sleep(2 * part)
        with background((crawl, ports[0]), (crawl, ports[1])):
            time.sleep(part)
        time.sleep(part / 2)
        lost(part / 2)
        time.sleep(2 * part)


# The figures.


def wanted(target):
    query = re.sub(r'"\$\w+"', '".*"', target["expr"])
    return query.replace("$__rate_interval", f"{max(4, STORY // 40)}s")


def legend(target, labels):
    form = target.get("legendFormat", "__auto")
    if form == "__auto":
        return ", ".join(labels.values())
    return re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), form)


def figures(api, panel, begun, ended):
    """The series of a panel by legend, each a list of times and one of values, with gaps where there is none."""
    series = {}
    times = [begun + step for step in range(0, int(ended - begun) + 1, STEP)]
    for target in panel["targets"]:
        found = api("query_range", query=wanted(target), start=begun, end=ended, step=STEP)["result"]
        for one in found:
            values = {round(float(at)): float(value) for at, value in one["values"]}
            series[legend(target, one["metric"])] = [values.get(round(at), float("nan")) for at in times]
    if not any(value == value for values in series.values() for value in values):
        raise AssertionError(f"the panel {panel['title']!r} has no figures")
    return times, series


# The picture.


class Sheet:
    """The grid of the dashboard, in pixels from the top left."""

    def __init__(self, dashboard):
        self.panels = dashboard["panels"]
        rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in self.panels)
        self.height = rows * (CELL + GAP) + 70
        self.figure = pyplot.figure(figsize=(WIDTH / 100, self.height / 100), dpi=100, facecolor=CANVAS)

    def text(self, x, y, text, **style):
        style = {"color": TEXT, "fontsize": 9.5, "va": "top", "ha": "left"} | style
        self.figure.text(x / WIDTH, 1 - y / self.height, text, **style)

    def place(self, panel):
        """Left, top, width and height of a panel."""
        grid, cell = panel["gridPos"], (WIDTH - GAP) / COLUMNS
        return GAP + grid["x"] * cell, 62 + grid["y"] * (CELL + GAP), grid["w"] * cell - GAP, grid["h"] * (CELL + GAP) - GAP

    def frame(self, left, top, width, height, title):
        box = (left / WIDTH, 1 - (top + height) / self.height)
        self.figure.add_artist(FancyBboxPatch(
            box, width / WIDTH, height / self.height, boxstyle="square,pad=0", facecolor=PANEL, edgecolor=BORDER, linewidth=0.8,
            transform=self.figure.transFigure, zorder=-1))
        self.text(left + 9, top + 8, title, fontweight="bold", fontsize=9)

    def axes(self, left, top, width, height):
        """Axes inside a panel, without what surrounds them in matplotlib."""
        box = (left / WIDTH, 1 - (top + height) / self.height, width / WIDTH, height / self.height)
        axes = self.figure.add_axes(box, facecolor="none")
        axes.tick_params(colors=FAINT, labelsize=7.5, length=0)
        for spine in axes.spines.values():
            spine.set_visible(False)
        return axes

    def keys(self, left, bottom, width, names):
        """A legend of one or more lines, from its bottom left; returns the room that it takes."""
        lines, used = [[]], 0
        for name, colour in names:
            room = 26 + 6.1 * len(name)
            if used + room > width and lines[-1]:
                lines.append([])
                used = 0
            lines[-1].append((used, name, colour))
            used += room
        for number, line in enumerate(reversed(lines)):
            y = bottom - 16 * number
            for x, name, colour in line:
                self.text(left + x, y - 6, "\u2501", color=colour, va="center", fontsize=9, fontweight="bold")
                self.text(left + x + 16, y - 6, name, color=TEXT, va="center", fontsize=8)
        return 16 * len(lines)


def in_time(axes, times):
    moments = [at / 86_400 for at in times]
    axes.set_xlim(moments[0], moments[-1])
    axes.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=6))
    axes.xaxis.set_major_formatter(dates.DateFormatter("%H:%M:%S"))
    return moments


def draw_row(sheet, panel, api, span):
    left, top, _, height = sheet.place(panel)
    sheet.text(left + 2, top + height / 2, "\u2304  " + panel["title"], va="center", fontsize=10.5)


def colour_at(thresholds, value):
    steps = [step for step in thresholds["steps"] if step["value"] is None or value >= step["value"]]
    return NAMED[steps[-1]["color"]]


def draw_stat(sheet, panel, api, span):
    times, series = figures(api, panel, *span)
    values = next(iter(series.values()))
    known = [value for value in values if value == value]
    left, top, width, height = sheet.place(panel)
    sheet.frame(left, top, width, height, panel["title"])
    defaults = panel["fieldConfig"]["defaults"]
    colour = colour_at(defaults["thresholds"], known[-1])
    shown = UNITS[defaults["unit"]](known[-1])
    sheet.text(left + width / 2, top + height * 0.5, shown, color=colour, fontsize=25, ha="center", va="center")
    axes = sheet.axes(left + 1, top + height * 0.68, width - 2, height * 0.31)
    moments = in_time(axes, times)
    axes.plot(moments, values, color=colour, linewidth=1)
    axes.fill_between(moments, values, color=colour, alpha=0.15, linewidth=0)
    axes.set_axis_off()


def draw_timeseries(sheet, panel, api, span):
    times, series = figures(api, panel, *span)
    left, top, width, height = sheet.place(panel)
    sheet.frame(left, top, width, height, panel["title"])
    defaults = panel["fieldConfig"]["defaults"]
    custom, colours = defaults["custom"], [COLOURS[at % len(COLOURS)] for at in range(len(series))]
    below = sheet.keys(left + 10, top + height - 8, width - 20, list(zip(series, colours)))
    axes = sheet.axes(left + 62, top + 34, width - 74, height - 34 - below - 34)
    moments = in_time(axes, times)
    is_stacked, opacity = custom["stacking"]["mode"] == "normal", custom["fillOpacity"] / 100
    base = [0.0] * len(times)
    for (name, values), colour in zip(series.items(), colours):
        known = [value if value == value else (0.0 if is_stacked else value) for value in values]
        upper = [one + other for one, other in zip(base, known)] if is_stacked else known
        axes.plot(moments, upper, color=colour, linewidth=custom["lineWidth"])
        axes.fill_between(moments, base if is_stacked else 0, upper, color=colour, alpha=opacity * 0.55, linewidth=0)
        base = upper if is_stacked else base
    axes.grid(color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_ylim(bottom=defaults.get("min"), top=defaults.get("max"))
    if axes.get_ylim()[1] < 1e-9 or axes.get_ylim() == (0, 0):
        axes.set_ylim(0, 1)
    axes.yaxis.set_major_locator(ticker.MaxNLocator(5))
    axes.yaxis.set_major_formatter(lambda value, _: UNITS[defaults["unit"]](value))


def draw_state_timeline(sheet, panel, api, span):
    times, series = figures(api, panel, *span)
    left, top, width, height = sheet.place(panel)
    sheet.frame(left, top, width, height, panel["title"])
    options = panel["fieldConfig"]["defaults"]["mappings"][0]["options"]
    states = [(float(value), of["text"], NAMED[of["color"]]) for value, of in options.items()]
    below = sheet.keys(left + 10, top + height - 8, width - 20, [(text, colour) for _, text, colour in states])
    axes = sheet.axes(left + 110, top + 34, width - 122, height - 34 - below - 34)
    moments = in_time(axes, times)
    for number, (name, values) in enumerate(reversed(series.items())):
        for state, _, colour in states:
            is_now = [value == state for value in values]
            axes.fill_between(moments, number + 0.1, number + 0.9, where=is_now, color=colour, alpha=0.8, linewidth=0, step="post")
    axes.set_yticks([number + 0.5 for number in range(len(series))], list(reversed(series)))
    axes.set_ylim(0, len(series))


DRAWN = {"row": draw_row, "stat": draw_stat, "timeseries": draw_timeseries, "state-timeline": draw_state_timeline}


def draw(dashboard, api, span):
    pyplot.rcParams["font.family"] = "DejaVu Sans"
    sheet = Sheet(dashboard)
    sheet.text(GAP + 6, 14, dashboard["title"], fontsize=13, fontweight="bold")
    names = [variable["label"] for variable in dashboard["templating"]["list"]]
    sheet.text(GAP + 6, 40, "     ".join(f"{name}: {'Prometheus' if at == 0 else 'All'}" for at, name in enumerate(names)), color=FAINT)
    missing = []
    for panel in sheet.panels:
        try:
            DRAWN[panel["type"]](sheet, panel, api, span)
        except AssertionError as error:
            missing.append(str(error))
    assert not missing, "\n".join(missing)
    sheet.figure.savefig(PICTURE, facecolor=CANVAS)


def shrink():
    """Few colours are enough."""
    picture = Image.open(PICTURE).convert("RGB").quantize(128, dither=Image.Dither.NONE)
    picture.save(PICTURE, optimize=True)


def main():
    dashboard = json.loads(DASHBOARD.read_text())
    with tempfile.TemporaryDirectory() as folder, running(folder) as (ports, admins, lost), prometheus(*admins) as api:
        until("Prometheus has read the metrics", lambda: api("query", query="giotto_cache_in_flight")["result"])
        begun = time.time()
        play(ports, lost)
        draw(dashboard, api, (begun + 5, time.time()))
    shrink()
    print(f"{PICTURE.relative_to(ROOT)}: {PICTURE.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    sys.exit(main())
