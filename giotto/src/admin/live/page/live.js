// The stream of snapshots, and when the page is drawn.
let stream = null;
let last = null;
let isPaused = false;

function state(name, text) {
  $("state").dataset.state = name;
  write($("state-text"), text);
}

/** Listens to the server only while a reader can see the page: without listeners, it computes nothing. */
function listen() {
  if (stream || isPaused || document.hidden) return;
  stream = new EventSource(`${here}events`);
  stream.onmessage = event => {
    const snapshot = JSON.parse(event.data);
    // The process is another one, and the token of this page is not its own.
    if (last && last.server.instance !== snapshot.server.instance && !document.querySelector("dialog[open]")) return location.reload();
    last = snapshot;
    remember(last);
    state("live", "Live");
    draw();
  };
  stream.onerror = () => {
    state("lost", "No connection");
    // A refusal ends the stream, an interruption does not: the browser connects again.
    if (stream?.readyState === EventSource.CLOSED) {
      leave();
      state("lost", "Refused, trying again");
      setTimeout(listen, 5_000);
    }
  };
}

function leave() {
  stream?.close();
  stream = null;
}

const isTotal = () => document.querySelector("[name=period]:checked").value === "total";

function draw() {
  if (!last) return;
  const whole = isTotal();
  const tally = whole ? last.total : last.minute;
  const first = past[0];
  const seconds = Math.max(1, whole ? last.server.up_ms / 1_000 : Math.min(60, last.server.up_ms / 1_000));
  const figures = { ...lookups(tally), tally, seconds, saved: whole ? last.saved_ms : last.saved_ms - first.saved_ms };
  showHead(last);
  showNotices(last);
  showRate(figures);
  drawChart();
  showTiles(last, figures);
  showPrograms(last, whole);
  showReasons(tally);
  showSlow(last, whole);
  showLayers(last);
  showTop(last);
  showPurges(last);
  each($("names"), last.programs.filter(program => !program.others), program => program.name, program => el("option", { value: path(program.name) }), () => {});
}

function sortBy(header) {
  const by = header.dataset.sort;
  order.down = order.by === by ? !order.down : by !== "name";
  order.by = by;
  markOrder();
  draw();
}

function markOrder() {
  for (const header of document.querySelectorAll("[data-sort]")) {
    if (header.dataset.sort === order.by) header.setAttribute("aria-sort", order.down ? "descending" : "ascending");
    else header.removeAttribute("aria-sort");
  }
}

function start() {
  listenToForms();
  listenToChart();
  markOrder();
  for (const header of document.querySelectorAll("[data-sort]")) header.firstElementChild.addEventListener("click", () => sortBy(header));
  for (const period of document.querySelectorAll("[name=period]")) period.addEventListener("change", draw);
  $("programs-more").addEventListener("click", () => {
    showsAll = !showsAll;
    draw();
  });
  $("pause").addEventListener("click", () => {
    isPaused = !isPaused;
    $("pause").setAttribute("aria-pressed", String(isPaused));
    if (isPaused) {
      leave();
      state("paused", "Paused");
    } else {
      state("waiting", "Connecting");
      listen();
    }
  });
  document.addEventListener("visibilitychange", () => document.hidden ? leave() : listen());
  addEventListener("pagehide", leave);
  addEventListener("pageshow", listen);
  listen();
}

start();
