// The ring of the hit rate, the chart of lookups, bars and the clocks of an entry: SVG that is written anew each second.
const AROUND = 2 * Math.PI * 48;

function drawRing(parts) {
  let from = 0;
  for (const name of ["fresh", "stale", "miss"]) {
    const length = parts.all ? AROUND * parts[name] / parts.all : 0;
    const arc = $("ring").querySelector(`.part.${name}`);
    arc.style.strokeDasharray = `${length} ${AROUND}`;
    arc.style.strokeDashoffset = -from;
    from += length;
  }
}

/** The least of 1, 1.5, 2, 3, .. 10, 15, .. that holds `value`. */
function rounded(value) {
  const power = 10 ** Math.floor(Math.log10(Math.max(value, 1)));
  return [1, 1.5, 2, 3, 4, 5, 6, 8, 10].map(step => step * power).find(step => step >= value);
}

/** How many seconds the chart shows: those that there are samples of, from 30 to 180. */
const shownSpan = () => Math.min(SAMPLES, Math.max(30, samples.length));

/** Where the reader points to, in seconds before now. */
let shownAgo = null;

function drawChart() {
  const top = rounded(Math.max(1, ...samples.map(sample => sample ? sample.fresh + sample.stale + sample.miss : 0)));
  const paths = { fresh: "", stale: "", miss: "" };
  const span = shownSpan();
  const right = span - samples.length;
  // Runs without a gap, each as an area between two lines.
  for (let from = 0; from < samples.length; from += 1) {
    if (!samples[from]) continue;
    let to = from;
    while (samples[to + 1]) to += 1;
    let below = new Array(to - from + 1).fill(0);
    for (const name of ["miss", "stale", "fresh"]) {
      const above = below.map((base, at) => base + samples[from + at][name]);
      const point = (value, at) => `${((right + from + at + 1) * SAMPLES / span).toFixed(2)} ${(100 - 100 * value / top).toFixed(2)}`;
      const up = above.map(point);
      const down = below.map(point).reverse();
      paths[name] += `M${[...up, ...down].join("L")}Z`;
      below = above;
    }
    from = to;
  }
  for (const [name, path] of Object.entries(paths)) $("chart").querySelector(`.area.${name}`).setAttribute("d", path);
  write($("chart-top"), `${count(top)} /s`);
  write($("chart-from"), `${time(span * 1_000)} ago`);
  readChart();
}

/** Says in words what the chart has at the cursor, or now. */
function readChart() {
  const cursor = $("chart").querySelector(".cursor");
  const ago = shownAgo ?? 0;
  const sample = samples[samples.length - 1 - ago];
  cursor.setAttribute("visibility", shownAgo === null ? "hidden" : "visible");
  for (const end of ["x1", "x2"]) cursor.setAttribute(end, SAMPLES * (1 - ago / shownSpan()));
  if (!sample) return write($("load-read"), samples.length ? "no figures of that time" : "collecting");
  const of = name => perSecond(sample[name]);
  write($("load-read"), `${ago ? `${ago} s ago` : "now"}: ${of("fresh")} fresh, ${of("stale")} stale, ${of("miss")} missed`);
}

function listenToChart() {
  const plot = $("plot");
  const show = ago => {
    shownAgo = ago === null ? null : Math.min(shownSpan() - 1, Math.max(0, ago));
    readChart();
  };
  plot.addEventListener("pointermove", event => {
    const { left, width } = plot.getBoundingClientRect();
    show(Math.round((1 - (event.clientX - left) / width) * shownSpan()));
  });
  plot.addEventListener("pointerleave", () => show(null));
  plot.addEventListener("blur", () => show(null));
  plot.addEventListener("keydown", event => {
    const step = { ArrowLeft: 1, ArrowRight: -1, PageUp: 10, PageDown: -10, Home: SAMPLES, End: -SAMPLES, Escape: null }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    show(step === null ? null : (shownAgo ?? 0) + step);
  });
}

/** A bar of parts, each with a class and a share of the whole. */
function bar(...classes) {
  return el("span", { className: "track", ariaHidden: "true" }, ...classes.map(name => el("span", { className: `fill ${name}` })));
}

function fill(track, ...shares) {
  [...track.children].forEach((part, at) => { part.style.width = `${100 * Math.min(1, shares[at] || 0)}%`; });
}

/** How long an entry is fresh, stale and kept, and where it is now. */
function clocks(entry) {
  const svg = (name, attributes) => {
    const made = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [attribute, value] of Object.entries(attributes)) made.setAttribute(attribute, value);
    return made;
  };
  // What never ends is drawn as half as long again as the longest time that ends.
  const ends = [entry.fresh_for_ms, entry.stale_for_ms, entry.keep_for_ms];
  const known = ends.filter(end => end !== null);
  const whole = (entry.age_ms + Math.max(1, ...known)) * (known.length < 3 ? 1.5 : 1);
  // By the square root, so that a minute can be seen beside a day.
  const x = end => 100 * Math.sqrt((end === null ? whole : entry.age_ms + end) / whole);
  const drawing = svg("svg", { viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" });
  ["kept", "stale", "fresh"].forEach((name, at) => drawing.append(svg("rect", { class: name, x: 0, y: 0, height: 10, width: x(ends[2 - at]) })));
  const now = Math.min(99.5, Math.max(.5, x(0)));
  drawing.append(svg("line", { class: "now", x1: now, x2: now, y1: 0, y2: 10 }));
  const legend = ["fresh", "stale", "kept"].map(name => el("span", {}, el("i", { className: `key ${name}` }), name === "kept" ? "kept for when the model fails" : name));
  return el("div", { className: "clock", ariaHidden: "true" }, drawing, el("p", { className: "small muted" }, ...legend));
}
