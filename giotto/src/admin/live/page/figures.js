// What is computed of the snapshots: the figures of the period, rates and quantiles.
const REASONS = {
  "first-seen": ["First seen", "this process had not stored it lately"],
  "expired": ["Expired", "its time had passed"],
  "evicted": ["Evicted", "the store lost it before its time: it is full, or was restarted"],
  "invalidated": ["Invalidated", "what it depends on has changed"],
  "tag-lost": ["Tag lost", "the store has lost the record of one of its tags"],
  "version": ["Other version", "another version of the program computed it"],
  "backend-error": ["Store failed", "the store answered with an error"],
  "backend-timeout": ["Store late", "the store did not answer in time"],
  "backend-skipped": ["Store skipped", "the circuit breaker is open"],
  "undecodable": ["Not readable", "what is stored is damaged or of another version"],
  "forged": ["Not signed", "what is stored is not signed by a known key"],
  "clock-skew": ["Clock ahead", "another machine's clock is ahead of this one's"],
  "bypass": ["Bypassed", "the caller wanted no stored page"],
  "refresh": ["Refresh asked", "the caller wanted a new page"],
  "not-storable": ["Not storable", "its last result was not to be stored"],
  "too-large": ["Too large", "its last result was too large to store"],
  "over-budget": ["Over its budget", "the program has used up its budget of entries"],
};
const KINDS = {
  "revalidating": ["Old page, new one under way", "stale-while-revalidate"],
  "failed": ["Old page, the model failed", "stale-if-error"],
  "late": ["Old page, the model is late", "stale-if-error"],
  "throttled": ["Old page, the model failed lately", "the next attempt waits"],
};
const NOT_STORED = {
  "no-store": ["Not stored: the program said so", "no_store()"],
  "too-large": ["Not stored: too large", "over max_entry"],
  "bad-tag": ["Not stored: a bad tag", "empty, long, or too many"],
  "invalidated-meanwhile": ["Not stored: invalidated meanwhile", "while it was computed"],
  "store-failed": ["Not stored: the store failed", "or accepts nothing now"],
  "over-budget": ["Not stored: over its budget", ".max_entries, .new_entries_per_second"],
  "not-admitted": ["Not stored: asked once only", "admission on the second request"],
};
const BAD = new Set(["backend-error", "backend-timeout", "backend-skipped", "forged", "undecodable", "clock-skew", "tag-lost", "store-failed", "failed", "bad-tag"]);
const named = (names, name) => names[name] ?? [name, ""];

/** Lookups by how they were answered. */
function lookups(tally) {
  const [fresh, stale, miss] = [tally.fresh ?? 0, sum(tally.stale ?? {}), sum(tally.misses ?? {})];
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
      name: program.name, isOthers: program.others ?? 0, lookups: all, fresh, stale, misses: miss, rate, model,
      failed: tally.failed ?? 0,
      p50: quantile(model, snapshot.bounds_ms, .5), p95: quantile(model, snapshot.bounds_ms, .95),
      saved: grown(program.saved_ms, then?.saved_ms, isTotal),
    };
  });
}
