// The sections of the page: each shows its part of the last snapshot.
const TILES = [
  ["Lookups", (s, f) => [`${perSecond(f.all / f.seconds)} /s`, `${count(f.all)} in the period`]],
  ["Models running", s => [count(s.in_flight), "now"]],
  ["Model time saved", (s, f) => [time(f.saved), "by hits, in the period"]],
  ["Models failed", (s, f) => [count(f.tally.failed), `of ${count(f.tally.computed)} run`], (s, f) => f.tally.failed > 0],
  ["Waited for another", (s, f) => [count(f.tally.coalesced), "one computation, many readers"]],
  ["Not stored", (s, f) => [count(sum(f.tally.not_stored)), `${count(f.tally.stored)} stored`]],
];

function showHead(s) {
  write($("name"), s.server.name);
  write($("process"), `process ${s.server.process} · up ${time(s.server.up_ms)}`);
  document.title = `${percent(lookups(s.minute).rate)} · ${s.server.name}`;
  const others = s.watching > 1 ? ` · ${s.watching} pages watch this process` : "";
  write($("foot"), `Giotto ${s.server.version} · figures of process ${s.server.process} alone, ${s.shared ? "in front of a store that other processes share" : "whose cache is its own"}${others}`);
}

/** What needs attention, and the next step. */
function showNotices(s) {
  const notices = [];
  for (const layer of s.layers) {
    const open = [layer.reads_open && "reads", layer.writes_open && "writes"].filter(Boolean).join(" and ");
    if (open) notices.push(["bad", `${layer.name}: ${open} are skipped, because the store has failed. Requests are answered without it, and it is tried again every few seconds.`]);
    else if (layer.error) notices.push(["bad", `${layer.name} does not say what it holds: ${layer.error}`]);
  }
  if (s.pending) notices.push(["bad", `${count(s.pending)} invalidations are not accepted by the store yet: other processes may serve the older pages. This process repeats them.`]);
  if (s.keeps_nothing) notices.push(["warn", "No cache is configured: every request runs its model. Set one, for example cache = \"locmem\" in giotto.toml."]);
  const failing = programs(s, false).filter(program => program.failed > 0 && program.failed * 2 >= program.model.count);
  for (const program of failing.slice(0, 3)) notices.push(["warn", `The model of ${path(program.name)} fails: ${count(program.failed)} times in the last minute. The log has the errors.`]);
  each($("notices"), notices, ([, text]) => text, () => el("p"), (made, [kind, text]) => {
    made.className = `notice ${kind}`;
    write(made, text);
  });
}

function showRate(figures) {
  write($("rate"), percent(figures.rate));
  write($("rate-of"), figures.all ? `of ${count(figures.all)}` : "no lookups");
  drawRing(figures);
  for (const name of ["fresh", "stale", "miss"]) write($(`legend-${name}`), count(figures[name]));
}

function showTiles(s, figures) {
  each($("tiles"), TILES, ([name]) => name,
    ([name]) => el("div", {}, el("dt", {}, name), el("dd"), el("dd", { className: "note" })),
    (made, [, values, alerts]) => {
      const [value, note] = values(s, figures);
      write(made.children[1], value);
      write(made.children[2], note);
      made.classList.toggle("alert", Boolean(alerts?.(s, figures)));
    });
}

const order = { by: "lookups", down: true };
/** How many programs are shown until the reader asks for all. */
const FEW = 10;
let showsAll = false;

function showPrograms(s, isTotal) {
  const body = $("programs").tBodies[0];
  const all = programs(s, isTotal);
  const value = program => typeof program[order.by] === "number" && Number.isNaN(program[order.by]) ? -1 : program[order.by];
  const sign = order.down ? -1 : 1;
  // While a reader is in the table, its rows stay where they are.
  if (!body.contains(document.activeElement) && !body.matches(":hover")) {
    body.order = [...all].sort((a, b) => a.isOthers - b.isOthers || sign * (value(a) > value(b) ? 1 : value(a) < value(b) ? -1 : 0) || (a.name < b.name ? -1 : 1)).map(one => one.name);
  }
  const place = new Map((body.order ?? []).map((name, at) => [name, at]));
  all.sort((a, b) => (place.get(a.name) ?? 1e9) - (place.get(b.name) ?? 1e9));
  const shown = showsAll ? all : all.slice(0, FEW);
  const quiet = s.programs_left_out;
  $("programs-more").hidden = all.length <= FEW;
  $("programs-more").setAttribute("aria-expanded", String(showsAll));
  write($("programs-more"), showsAll ? "Show fewer" : `Show all ${all.length}`);
  write($("programs-note"), all.length === 0 ? "No program was asked yet" : quiet ? `the ${all.length} with the most lookups; ${count(quiet)} more` : "");
  each(body, shown, program => `${program.isOthers}:${program.name}`, programRow, (row, program) => {
    const [name, lookups, rate, misses, failed, p50, p95, saved] = row.children;
    write(name, program.isOthers ? "all other programs" : path(program.name));
    write(lookups, count(program.lookups));
    fill(rate.querySelector(".track"), program.fresh / program.lookups, program.stale / program.lookups, program.misses / program.lookups);
    write(rate.querySelector("b"), percent(program.rate));
    write(misses, count(program.misses));
    write(failed, program.failed ? count(program.failed) : "–");
    write(p50, time(program.p50));
    write(p95, time(program.p95));
    write(saved, time(program.saved));
  });
}

function programRow(program) {
  const cell = (label, className = "num") => {
    const made = el("td", { className });
    made.dataset.label = label;
    return made;
  };
  const rate = cell("Hit rate", "wide");
  rate.append(el("span", { className: "share" }, bar("fresh", "stale", "miss"), el("b")));
  const act = el("td", { className: "actions" });
  if (!program.isOthers) {
    const button = el("button", { type: "button", className: "tiny risky", ariaLabel: `Purge pages of ${path(program.name)}` }, "Purge…");
    button.addEventListener("click", () => askForChange({ program: path(program.name) }));
    act.append(button);
  }
  return el("tr", {}, el("td", { className: "name code" }), cell("Lookups"), rate, cell("Misses"), cell("Failed"), cell("Model p50"), cell("Model p95"), cell("Time saved"), act);
}

function showBars(list, items, empty) {
  const most = Math.max(1, ...items.map(item => item.value));
  each(list, items.length ? items : [null], item => item ? `of ${item.key}` : "none", item => item
    ? el("li", {}, el("span", { className: "name" }, item.name, " ", el("small", {}, item.hint)), el("span"), bar(item.kind))
    : el("li", { className: "empty" }), (made, item) => {
    if (!item) return write(made, empty);
    write(made.children[1], item.text);
    write(made.querySelector("small"), item.hint);
    fill(made.children[2], item.value / most);
  });
}

function showReasons(tally) {
  const all = (names, counts, kind) => Object.entries(counts).map(([name, value]) => {
    const [text, hint] = named(names, name);
    return { key: kind + name, name: text, hint, value, text: count(value), kind: BAD.has(name) ? "miss" : kind };
  });
  const items = [...all(REASONS, tally.misses, "miss"), ...all(KINDS, tally.stale, "stale"), ...all(NOT_STORED, tally.not_stored, "other")];
  showBars($("reasons"), items.filter(item => item.value).sort((a, b) => b.value - a.value).slice(0, 12), "Every page was fresh.");
}

function showSlow(s, isTotal) {
  const ran = programs(s, isTotal).filter(program => program.model.count > 0 && !program.isOthers);
  const items = ran.sort((a, b) => b.model.ms - a.model.ms).slice(0, 8).map(program => ({
    key: program.name, name: path(program.name), value: program.model.ms, text: time(program.model.ms), kind: "stale",
    hint: `${count(program.model.count)} × ${time(program.model.ms / program.model.count)}, p95 ${time(program.p95)}`,
  }));
  showBars($("slow"), items, "No model has run.");
}

function layerFacts(layer, s) {
  const calls = times => times?.count ? `p95 ${time(quantile(times, s.bounds_ms.store, .95))}` : "–";
  const of = (value, most, shown) => value === null ? "not known" : most === null ? shown(value) : `${shown(value)} of ${shown(most)}`;
  return [
    ["Hits", count(layer.hits)],
    ["Entries", of(layer.entries, layer.max_entries, count)],
    ["Reads", calls(layer.get)],
    ["Bytes", of(layer.bytes, layer.max_bytes, bytes)],
    ["Writes", calls(layer.set)],
    ["Evictions", layer.evictions === null ? "not known" : count(layer.evictions)],
    ["Errors", count(layer.errors)],
    ["Skipped", count(layer.skipped)],
  ];
}

function showLayers(s) {
  each($("layers"), s.layers, layer => layer.name, layer => el("li", {},
    el("p", { className: "layer-name" }, el("span", {}, layer.name), el("span", { className: "badge" })), bar("level"), el("dl", { className: "facts" })),
  (made, layer) => {
    const badge = made.querySelector(".badge");
    const isOpen = layer.reads_open || layer.writes_open;
    badge.className = `badge ${isOpen || layer.error ? "bad" : "good"}`;
    write(badge, isOpen ? "breaker open" : layer.error ? "no answer" : "well");
    const track = made.querySelector(".track");
    const level = layer.max_bytes ? layer.bytes / layer.max_bytes : layer.max_entries ? layer.entries / layer.max_entries : NaN;
    track.hidden = !Number.isFinite(level);
    fill(track, level);
    each(made.querySelector("dl"), layerFacts(layer, s), ([name]) => name, ([name]) => el("div", {}, el("dt", {}, name), el("dd")), (fact, [, text]) => write(fact.children[1], text));
  });
}

const STATES = { fresh: ["fresh", "good"], stale: ["stale", "old"], expired: ["expired", "old"], invalidated: ["invalidated", "old"], purged: ["purged", "old"], unreadable: ["not readable", "bad"], unknown: ["not known", ""] };

/** Rows of stored pages: those that are found, and those with the most hits. */
function showPages(body, pages) {
  each(body, pages, page => page.key, pageRow, (row, page) => {
    const [, state, age, size, hits] = row.children;
    const [text, kind] = STATES[page.state] ?? [page.state, ""];
    state.firstChild.className = `badge ${kind}`;
    write(state.firstChild, text);
    write(age, time(page.age_ms ?? NaN));
    write(size, page.bytes === null ? "–" : bytes(page.bytes));
    write(hits, page.hits === undefined ? "–" : count(page.hits));
  });
}

function pageRow(page) {
  const cell = (label, className = "num", ...children) => {
    const made = el("td", { className }, ...children);
    made.dataset.label = label;
    return made;
  };
  const name = `${path(page.program)} ${page.arguments}`;
  const act = (text, label, kind, action) => {
    const button = el("button", { type: "button", className: `tiny ${kind}`, ariaLabel: `${label} ${name}` }, text);
    button.addEventListener("click", action);
    return button;
  };
  return el("tr", {},
    el("td", { className: "name" }, el("span", { className: "code" }, el("b", {}, path(page.program)), ` ${page.arguments}`), " ", el("small", { className: "muted" }, page.mimetype)),
    cell("State", "state-cell", el("span")), cell("Age"), cell("Size"), cell("Hits"),
    el("td", { className: "actions" }, act("Explain", "Explain", "", () => explain({ key: page.key })), act("Remove…", "Remove", "risky", () => askForChange({ key: page.key, name }))));
}

function showTop(s) {
  write($("pages-note"), s.pages_note);
  showPages($("pages"), s.pages);
}

function showPurges(s) {
  each($("purges"), s.purges.length ? s.purges : [null], purge => purge ? purge.number : "none", purge => purge
    ? el("li", {}, el("span", { className: `badge ${purge.hard ? "bad" : "old"}` }, purge.hard ? "purged" : "invalidated"), " ", el("span", { className: "code" }, purge.what), el("small"))
    : el("li", { className: "empty" }, "Nothing was invalidated since the start of this process."),
  (made, purge) => purge && write(made.querySelector("small"), `${time(Math.max(0, s.at - purge.at))} ago, by ${purge.by}`));
}
