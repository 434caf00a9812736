// What is computed of the snapshots: the figures of the period, rates and quantiles.
const REASONS = {
  "first_seen": ["First seen", "this process had not stored it lately"],
  "expired": ["Expired", "its time had passed"],
  "evicted": ["Evicted", "the store lost it before its time: it is full, or was restarted"],
  "invalidated": ["Invalidated", "what it depends on has changed"],
  "tag_lost": ["Tag lost", "the store has lost the record of one of its tags"],
  "version": ["Other version", "another version of the program computed it"],
  "backend_failed": ["Store failed", "it answered with an error, or its circuit breaker is open"],
  "backend_late": ["Store late", "it did not answer in time"],
  "undecodable": ["Not readable", "what is stored is damaged or of another version"],
  "forged": ["Not signed", "what is stored is not signed by a known key"],
  "clock_skew": ["Clock ahead", "another machine's clock is ahead of this one's"],
  "bypassed": ["Bypassed", "the caller wanted a new page, or no stored one"],
  "not_storable": ["Not storable", "its last result was too large, or not to be stored"],
};
const KINDS = {
  "revalidating": ["Old page, new one under way", "stale-while-revalidate"],
  "failed": ["Old page, the model failed", "stale-if-error"],
  "late": ["Old page, the model is late", "stale-if-error"],
  "throttled": ["Old page, the model failed lately", "the next attempt waits"],
  "accepted": ["Old page, accepted by its caller", "max-stale"],
};
const NOT_STORED = {
  "no_store": ["Not stored: the program said so", "no_store()"],
  "too_large": ["Not stored: too large", "over max_entry"],
  "bad_tag": ["Not stored: a bad tag", "empty, long, or too many"],
  "invalidated_meanwhile": ["Not stored: invalidated meanwhile", "while it was computed"],
  "store_failed": ["Not stored: the store failed", "or accepts nothing now"],
  "unwanted": ["Not stored: nothing wanted it", "bypassed, stored by another process, or no cache"],
  "first_request": ["Not stored: asked for once", "stored at the second request"],
  "over_budget": ["Not stored: over its budget", ".max_entries, .new_entries_per_second"],
};
const BAD = new Set(["backend_failed", "backend_late", "forged", "undecodable", "clock_skew", "tag_lost", "store_failed", "failed", "bad_tag"]);
/** What is new to this page has its plain name. */
const named = (names, name) => names[name] ?? [name.replaceAll("_", " "), ""];

/** Lookups by how they were answered. One whose model failed or was late is a miss, whatever it was served then. */
function lookups(tally) {
  const { revalidating = 0, throttled = 0, accepted = 0 } = tally.stale;
  const [fresh, stale, miss] = [tally.fresh, revalidating + throttled + accepted, sum(tally.misses)];
  const all = fresh + stale + miss;
  return { fresh, stale, miss, all, rate: all ? (fresh + stale) / all : NaN };
}

/** The snapshots of the last minute, so that histograms have a period as well. */
const past = [];
const HISTORY = 60;
/** The last three minutes, one sample a second: what the chart shows. */
const samples = [];
const SAMPLES = 180;

function remember(snapshot) {
  const last = past.at(-1);
  if (last && last.server.instance !== snapshot.server.instance) past.length = samples.length = 0;
  else if (last && snapshot.at > last.at) {
    const seconds = (snapshot.at - last.at) / 1_000;
    const [now, then] = [lookups(snapshot.total), lookups(last.total)];
    // After a pause there is nothing to draw for the time in between.
    for (let gap = Math.min(SAMPLES, Math.round(seconds)); gap > 2; gap -= 1) samples.push(null);
    samples.push(Object.fromEntries(["fresh", "stale", "miss"].map(name => [name, (now[name] - then[name]) / seconds])));
    samples.splice(0, samples.length - SAMPLES);
  }
  past.push({ at: snapshot.at, total: snapshot.total, server: snapshot.server, saved_ms: snapshot.saved_ms,
    programs: new Map(snapshot.programs.map(program => [program.name, program])) });
  while (past.length > HISTORY + 1 || past[0].at < snapshot.at - HISTORY * 1_500) past.shift();
}

/** What a value has grown by in the period. */
function grown(now, then, isTotal) {
  return isTotal || then === undefined ? now : now - then;
}

/** The counts of a histogram in the period. */
function histogram(now, then, isTotal) {
  return {
    count: grown(now.count, then?.count, isTotal),
    ms: grown(now.ms, then?.ms, isTotal),
    buckets: now.buckets.map((value, at) => grown(value, then?.buckets[at], isTotal)),
  };
}

/** The quantile of a histogram, between the bounds of its bucket. Above the last bound there is only that bound. */
function quantile(times, bounds, share) {
  const all = sum(times.buckets);
  if (!all) return NaN;
  let below = 0;
  for (let at = 0; at < times.buckets.length; at += 1) {
    const here = times.buckets[at];
    if (here && below + here >= share * all) {
      const from = at === 0 ? 0 : bounds[at - 1];
      const to = bounds[at] ?? from;
      return from + (to - from) * ((share * all - below) / here);
    }
    below += here;
  }
  return bounds.at(-1);
}

/** The programs with their figures of the period. */
function programs(snapshot, isTotal) {
  const first = past[0];
  return snapshot.programs.map(program => {
    const tally = isTotal ? program.total : program.minute;
    const then = first.programs.get(program.name);
    const model = histogram(program.model, then?.model, isTotal);
    const { fresh, stale, miss, all, rate } = lookups(tally);
    return {
      name: program.name, isOthers: program.others, lookups: all, fresh, stale, misses: miss, rate, model,
      failed: tally.failed,
      p50: quantile(model, snapshot.bounds_ms.model, .5), p95: quantile(model, snapshot.bounds_ms.model, .95),
      saved: grown(program.saved_ms, then?.saved_ms, isTotal),
    };
  });
}
