// Elements, numbers and times. All text goes through textContent: keys and names come from clients.
const $ = id => document.getElementById(id);

/** An element with these properties and children; a child is an element or a text. */
function el(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [property, value] of Object.entries(properties)) {
    if (property in made) made[property] = value;
    else made.setAttribute(property, value);
  }
  made.append(...children.filter(child => child !== null && child !== undefined));
  return made;
}

/** Writes a text only where it has changed, so that a selection in it survives. */
function write(element, text) {
  if (element.textContent !== String(text)) element.textContent = text;
}

/** Makes the children of `parent` those of `items`, in their order. Elements are kept by key, and with them the focus. */
function each(parent, items, key, make, update) {
  const kept = parent.kept ??= new Map();
  const keys = items.map(key);
  const wanted = new Set(keys);
  for (const [old, element] of kept) {
    if (!wanted.has(old)) {
      element.remove();
      kept.delete(old);
    }
  }
  let before = parent.firstElementChild;
  items.forEach((item, at) => {
    let element = kept.get(keys[at]);
    if (!element) kept.set(keys[at], element = make(item));
    update(element, item);
    if (element === before) before = before.nextElementSibling;
    else parent.insertBefore(element, before);
  });
}

const whole = new Intl.NumberFormat("en");
const short = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
const count = number => number < 1_000_000 ? whole.format(Math.round(number)) : short.format(number);
const perSecond = number => number >= 100 || number === 0 ? count(number) : number.toFixed(number < 10 ? 1 : 0);

/** Rounded down: 99.96 % is not everything. */
function percent(share) {
  if (!Number.isFinite(share)) return "–";
  return `${(Math.floor(share * 1_000) / 10).toFixed(1)} %`;
}

function bytes(number) {
  const units = ["bytes", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (number >= 1024 && unit < units.length - 1) {
    number /= 1024;
    unit += 1;
  }
  return `${unit === 0 || number >= 100 ? whole.format(Math.round(number)) : number.toFixed(1)} ${units[unit]}`;
}

/** A time in its two largest units: 2 h 5 min, 3.4 s, 12 ms. */
function time(ms) {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 1) return ms === 0 ? "0 s" : `${Math.max(1, Math.round(ms * 1000))} µs`;
  if (ms < 10) return `${ms.toFixed(1)} ms`;
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 10_000) return `${(ms / 1_000).toFixed(1)} s`;
  let rest = Math.floor(ms / 1_000);
  const parts = [];
  for (const [size, unit] of [[86_400, "d"], [3_600, "h"], [60, "min"], [1, "s"]]) {
    if (rest >= size) parts.push(`${Math.floor(rest / size)} ${unit}`);
    else if (parts.length) break;
    rest %= size;
    if (parts.length === 2) break;
  }
  return parts.join(" ");
}

/** The path of a program: that at the root has none. */
const path = program => program === "" ? "/" : program;

const sum = values => Object.values(values).reduce((all, value) => all + value, 0);
