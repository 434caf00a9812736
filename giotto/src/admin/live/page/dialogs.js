// What a reader asks for: to find, to explain, and to change after a confirmation.
// Relative to the page, wherever it is mounted, with or without a slash at its end.
const here = location.pathname.endsWith("/") ? location.pathname : `${location.pathname}/`;
const token = document.querySelector("meta[name=token]").content;

/** Asks this server: an object, or an error with the reason. */
async function ask(what, question, options = {}) {
  const query = question ? `?${new URLSearchParams(question)}` : "";
  let answer;
  try {
    answer = await fetch(`${here}${what}${query}`, { cache: "no-store", ...options });
  } catch {
    throw new Error("the server does not answer");
  }
  let said = null;
  try {
    said = await answer.json();
  } catch {
    // It is no giotto that answers: a proxy, for example.
  }
  if (answer.ok && said) return said;
  throw new Error(said?.error ?? `the server answers with the status ${answer.status}`);
}

let speaking;
function say(text) {
  clearTimeout(speaking);
  $("said").hidden = false;
  write($("said"), text);
  speaking = setTimeout(() => { $("said").hidden = true; }, 8_000);
}

// Finding

let next = null;

async function find(words, after) {
  const question = after ? { words, after } : { words };
  try {
    const found = await ask("find", question);
    const before = after ? $("found-rows").pages : [];
    const pages = $("found-rows").pages = [...before, ...found.entries.filter(entry => entry.key !== null)];
    next = found.next && { words, after: found.next };
    showPages($("found-rows"), pages);
    write($("found-note"), `${count(pages.length)} shown. ${found.next ? "There may be more." : "These are all."}${found.note ? ` ${found.note}` : ""}`);
  } catch (error) {
    $("found-rows").pages = [];
    showPages($("found-rows"), []);
    next = null;
    write($("found-note"), error.message);
  }
  $("found").hidden = false;
  $("found-more").hidden = !next;
  if (!after) $("found-title").focus();
}

// Explaining

async function explain(question) {
  const body = $("explained-body");
  body.replaceChildren(el("p", { className: "muted" }, "Looking…"));
  if (!$("explained").open) $("explained").showModal();
  $("explained-title").focus();
  try {
    body.replaceChildren(...explanation(await ask("explain", question)));
  } catch (error) {
    body.replaceChildren(el("p", { className: "notice bad" }, error.message));
  }
}

function explanation(report) {
  const answers = report.next.map(one => el("p", {}, el("b", {}, one.over === "http" ? "The next request over HTTP: " : "The next on the command line: "), one.says));
  const made = [el("div", { className: "next" }, ...answers)];
  if (report.entry) made.push(clocks(report.entry));
  const rows = el("dl", { className: "rows" });
  const row = (name, ...values) => rows.append(el("dt", {}, name), ...values.map(value => el("dd", {}, value)));
  row("Program", el("code", {}, path(report.program)));
  row("Arguments", el("code", {}, report.arguments));
  if (report.ignored.length) row("Ignored", report.ignored.join(", "));
  if (report.replaced.length) row("Set by middleware", report.replaced.join(", "));
  if (report.missed.length) row("Not given", `${report.missed.join(", ")}: middleware reads it, and the page may be another one with it`);
  row("Shown as", report.mimetype);
  if (report.key) row("Key", el("code", {}, report.key));
  if (report.stored_key && report.stored_key !== report.key) row("Stored as", el("code", {}, report.stored_key));
  for (const layer of report.layers) row("Layer", `${layer.name}: ${layer.state}`);
  if (report.entry) entryRows(report.entry, row);
  if (report.is_computed_now) row("Computing", "a process computes it now");
  if (report.note) row("Note", report.note);
  made.push(rows);
  if (report.key) made.push(el("div", { className: "line end" }, removal(report)));
  return made;
}

function entryRows(entry, row) {
  const left = ms => ms === null ? "for ever" : ms === 0 ? "no more" : `for ${time(ms)}`;
  row("Computed", `${time(entry.age_ms)} ago in ${time(entry.cost_ms)}, ${bytes(entry.bytes)}${entry.is_negative ? ", \"not found\"" : ""}`);
  row("Fresh", left(entry.fresh_for_ms));
  row("Served stale", left(entry.stale_for_ms));
  if (entry.error_for_ms !== entry.keep_for_ms) row("Served if the model fails", left(entry.error_for_ms));
  row("Kept", left(entry.keep_for_ms));
  if (entry.throttled_for_ms) row("Throttled", `the model failed: it is not run again for ${time(entry.throttled_for_ms)}`);
  if (entry.tags.length) row("Tags", el("div", { className: "tags" }, ...entry.tags.map(({ tag, state }) => {
    const button = el("button", { type: "button", className: "tiny", ariaLabel: `Purge pages with the tag ${tag}, which is ${state}` }, `${tag} · ${state}`);
    button.addEventListener("click", () => askForChange({ tag }));
    return button;
  })));
  row("Version", String(entry.version));
  if (entry.metadata?.status) row("Status", String(entry.metadata.status));
  for (const [name, value] of Object.entries(entry.metadata?.fields ?? {})) row("Field", `${name}: ${value}`);
}

function removal(report) {
  const button = el("button", { type: "button", className: "risky" }, "Remove this page…");
  button.addEventListener("click", () => askForChange({ key: report.key, name: `${path(report.program)} ${report.arguments}` }));
  return button;
}

// Changing

/** The page that is to be removed, or `null`: then the form says what is meant. */
let single = null;
const changing = () => $("change").elements;
const fieldOf = value => $("change").querySelector(`[name=hard][value=${value}]`);

function askForChange({ program, tag, key, name } = {}) {
  const fields = changing();
  single = key ? { key, name } : null;
  $("scopes").hidden = $("scopes").disabled = single !== null;
  fields.scope.value = tag === undefined ? "program" : "tag";
  fields.pattern.value = "";
  fields.program.value = program ?? "";
  fields.tag.value = tag ?? "";
  fields.hard.value = single ? "yes" : "no";
  write($("change-said"), "");
  plan();
  if ($("explained").open) $("explained").close();
  $("confirm").showModal();
}

/** What the form asks for, as it is sent. */
function wish() {
  const fields = changing();
  const hard = fields.hard.value === "yes";
  if (single) return { key: single.key, hard };
  const scope = fields.scope.value;
  return scope === "all" ? { all: true, hard } : { [scope]: fields[scope].value.trim(), hard };
}

/** Says what will happen, and shows the fields that belong to it. */
function plan() {
  const scope = changing().scope.value;
  const isPattern = !single && scope === "pattern";
  for (const name of ["program", "tag", "pattern"]) $(`scope-${name}`).hidden = scope !== name;
  // What matches has to be removed one by one: there is no soft way.
  fieldOf("no").disabled = isPattern;
  if (isPattern) changing().hard.value = "yes";
  const wished = wish();
  const what = single ? `the page ${single.name}` : wished.all ? "all pages of this application"
    : scope === "program" ? `all pages of ${wished.program || "…"}` : scope === "tag" ? `all pages with the tag ${wished.tag || "…"}`
    : `the pages that match ${wished.pattern || "…"}`;
  const words = single ? ["Expires", "Removes"] : ["Invalidates", "Purges"];
  write($("soft"), words[0].replace(/s$/, ""));
  write($("hard"), words[1].replace(/s$/, ""));
  write($("confirm-title"), single ? "Remove one page" : "Purge pages");
  write($("plan"), `${words[Number(wished.hard)]} ${what}, in ${last?.shared ? "every process" : "this process"}.`);
  write($("sure"), words[Number(wished.hard)].replace(/s$/, ""));
  const isWhole = Boolean(single || wished.all || wished[scope]);
  $("sure").disabled = $("try").disabled = !isWhole;
  $("try").hidden = single !== null;
  $("counted").hidden = true;
}

/** Does what the form says, or says only what it would do. */
async function change(isTry) {
  $("sure").disabled = $("try").disabled = true;
  write($("change-said"), "");
  try {
    const said = await ask("change", null, {
      method: "POST",
      headers: { "Content-Type": "application/json", "Giotto-Token": token },
      body: JSON.stringify({ ...wish(), dry: isTry }),
    });
    if (isTry) {
      $("counted").hidden = false;
      write($("counted"), said.done);
    } else {
      $("confirm").close();
      say(said.done);
    }
  } catch (error) {
    write($("change-said"), error.message);
  } finally {
    $("sure").disabled = $("try").disabled = false;
  }
}

function listenToForms() {
  $("find").addEventListener("submit", event => {
    event.preventDefault();
    const text = $("asked").value.trim();
    if (event.submitter?.value === "find") find(text);
    else if (text) explain({ words: text });
  });
  $("found-more").addEventListener("click", () => next && find(next.words, next.after));
  $("found-close").addEventListener("click", () => {
    $("found").hidden = true;
    $("asked").focus();
  });
  $("purge").addEventListener("click", () => askForChange());
  $("change").addEventListener("input", plan);
  $("change").addEventListener("submit", event => {
    // Enter in a field is no consent: the button is.
    if (event.submitter?.value !== "cancel") event.preventDefault();
  });
  $("sure").addEventListener("click", () => change(false));
  $("try").addEventListener("click", () => change(true));
}
