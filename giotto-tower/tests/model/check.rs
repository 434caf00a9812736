//! What the layer has answered, against what the model allows and wants.

use std::collections::HashMap;

use http::HeaderMap;

use crate::origin::{Call, State};
use crate::rules::{Asked, Head, Settings, Terms, Use, Vary};

/// For how long after a failure a stale response may be served in place of a new error, without asking again.
const BACK_OFF_MS: u64 = 30_000;

/// How many responses the model remembers of a path. More are older than any of their times.
const MOST_CANDIDATES: usize = 250;

/// A response that a client got.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub fields: HeaderMap,
    pub body: String,
}

/// The requests of one moment, and their answers.
pub struct Seen {
    pub answers: Vec<(Asked, Answer)>,
    pub before_ms: u64,
    pub after_ms: u64,
}

/// A response that may be stored.
#[derive(Clone, Debug)]
struct Candidate {
    head: Head,
    terms: Terms,
    /// The call that its body is of, and the one that its fields are of.
    body_of: usize,
    fields_of: usize,
    selected_by: (Option<usize>, Option<u8>),
    /// The layer must have it, and no other for what selects it.
    is_certain: bool,
}

/// How often something happened, so that a test that tests nothing fails.
#[derive(Clone, Debug, Default)]
pub struct Totals {
    requests: usize,
    forwarded: usize,
    reused: usize,
    stale: usize,
    instead_of_errors: usize,
    revalidated: usize,
    not_modified: usize,
    parts: usize,
    invalidated: usize,
    wanted: usize,
    of_others: usize,
}

pub struct Checker {
    settings: Settings,
    stored: HashMap<usize, Vec<Candidate>>,
    /// Until when requests with credentials for a path may be sent on without being stored.
    refused_until_ms: HashMap<usize, u64>,
    /// When a call for a path has failed last.
    failed_ms: HashMap<usize, u64>,
    totals: Totals,
    /// What differs from the model, in short and with everything.
    differences: Vec<(String, String)>,
}

/// The requests that are looked at, with what has been asked of the origin for them.
struct Moment<'m> {
    calls: &'m [Call],
    /// The calls of this moment.
    new: Vec<&'m Call>,
    before_ms: u64,
    after_ms: u64,
    is_alone: bool,
    told: &'m str,
}

impl Checker {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            stored: HashMap::new(),
            refused_until_ms: HashMap::new(),
            failed_ms: HashMap::new(),
            totals: Totals::default(),
            differences: Vec::new(),
        }
    }

    pub fn differences(self) -> Vec<(String, String)> {
        self.differences
    }

    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Whether the answers are right. What may be stored is noted for the next.
    pub fn check(&mut self, seen: &Seen, origin: &State, told: &str) {
        let numbers: Vec<_> = seen.answers.iter().map(|(asked, _)| asked.number).collect();
        let new = origin
            .calls
            .iter()
            .filter(|call| numbers.contains(&call.request));
        let moment = Moment {
            new: new.collect(),
            calls: &origin.calls,
            before_ms: seen.before_ms,
            after_ms: seen.after_ms,
            is_alone: seen.answers.len() == 1,
            told,
        };
        for all in self.stored.values_mut() {
            let excess = all.len().saturating_sub(MOST_CANDIDATES);
            all.drain(..excess);
        }
        let before = self.stored.clone();
        for call in &moment.new {
            let asked = seen.answers.iter().map(|(asked, _)| asked);
            let mut asked = asked;
            let asked = asked.rfind(|asked| asked.number == call.request).unwrap();
            self.note(call, asked, moment.is_alone);
        }
        for (asked, answer) in &seen.answers {
            self.totals.requests += 1;
            let is_read = matches!(asked.method, "GET" | "HEAD");
            if is_read {
                let mut all = before.get(&asked.path).cloned().unwrap_or_default();
                if !moment.is_alone {
                    all.iter_mut()
                        .for_each(|candidate| candidate.is_certain = false);
                    let later = self.stored.get(&asked.path).into_iter().flatten();
                    all.extend(later.cloned());
                }
                if let Err(why) = self.judge(asked, answer, &all, &moment) {
                    let told = moment.tell(&why, asked, answer, &all);
                    let kind = why.split(" is ").next().unwrap_or_default().to_owned();
                    self.differences.push((kind, told));
                }
            }
        }
    }

    /// What a call to the origin changes in what may be stored.
    fn note(&mut self, call: &Call, asked: &Asked, is_alone: bool) {
        if !matches!(asked.method, "GET" | "HEAD") {
            if call.status.is_success() || call.status.is_redirection() {
                self.invalidate(call);
            }
            return;
        }
        let may_be_refused = self.may_be_refused(asked, call.sent_ms);
        let all = self.stored.entry(call.path).or_default();
        let selected_by = call.vary.selects(asked);
        let is_ours = |candidate: &Candidate| candidate.selected_by == selected_by;
        if !is_alone {
            all.iter_mut()
                .for_each(|candidate| candidate.is_certain = false);
        }
        if call.is_error() {
            self.failed_ms.insert(call.path, call.came_ms);
        }
        if call.has_failed || is_only(asked, self.settings) {
            return;
        }
        let has_credentials = asked.has_credentials();
        if call.is_error() && all.iter().any(is_ours) {
            // It may count as a failure, and then is not stored.
            all.iter_mut()
                .for_each(|candidate| candidate.is_certain = false);
        }
        let is_about =
            |candidate: &&Candidate| is_ours(candidate) && candidate.head.version == call.version;
        let old: Vec<_> = all.iter().filter(is_about).cloned().collect();
        if call.status.as_u16() == 304 && call.has_conditions_of(asked) {
            // It is for this client alone.
            if asked.has_credentials() {
                let until_ms = call.came_ms + 5_000;
                self.refused_until_ms.insert(call.path, until_ms);
            }
        }
        if call.status.as_u16() == 304 {
            let mut bodies = Vec::new();
            for old in old.iter().rev() {
                if !bodies.contains(&old.body_of) {
                    bodies.push(old.body_of);
                    let is_certain = old.is_certain && is_alone;
                    self.update(old, call, asked, is_certain);
                }
            }
            return;
        }
        let (head, body_of) = (Head::of(call), call.number);
        let terms = head.terms(asked, self.settings);
        let Some(terms) = terms.filter(|terms| is_worth(terms, &head)) else {
            if has_credentials {
                self.refused_until_ms
                    .insert(call.path, call.came_ms + 5_000);
            }
            all.iter_mut()
                .for_each(|candidate| candidate.is_certain = false);
            return;
        };
        let is_certain = is_alone && !may_be_refused && !call.is_error();
        if is_certain {
            all.retain(|candidate| !is_ours(candidate));
        } else {
            all.iter_mut()
                .for_each(|candidate| candidate.is_certain = false);
        }
        all.push(Candidate {
            head,
            terms,
            body_of,
            fields_of: call.number,
            selected_by,
            is_certain,
        });
    }

    /// Whether the request may be sent on as it is: a response to one with credentials was refused lately.
    fn may_be_refused(&self, asked: &Asked, now_ms: u64) -> bool {
        let until_ms = self.refused_until_ms.get(&asked.path);
        asked.has_credentials() && until_ms.is_some_and(|until_ms| now_ms <= *until_ms)
    }

    /// A stored response after a 304.
    fn update(&mut self, old: &Candidate, call: &Call, asked: &Asked, is_certain: bool) {
        let all = self.stored.entry(call.path).or_default();
        let head = old.head.updated(call);
        let terms = head.terms(asked, self.settings);
        let terms = terms.filter(|terms| is_worth(terms, &head));
        match &terms {
            // What is stored stays as it is, or not.
            None => {
                all.iter_mut()
                    .for_each(|candidate| candidate.is_certain = false);
                if asked.has_credentials() {
                    self.refused_until_ms
                        .insert(call.path, call.came_ms + 5_000);
                }
            }
            Some(_) if is_certain => all.retain(|candidate| candidate.fields_of != old.fields_of),
            Some(_) => {}
        }
        if let Some(terms) = terms {
            all.push(Candidate {
                head,
                terms,
                fields_of: call.number,
                is_certain,
                ..old.clone()
            });
        }
    }

    fn invalidate(&mut self, call: &Call) {
        self.totals.invalidated += 1;
        self.stored.remove(&call.path);
        for name in ["location", "content-location"] {
            let Some(other) = call.fields.get(name) else {
                continue;
            };
            let other = other.to_str().unwrap();
            if !other.contains("example.org") {
                let path = other.rsplit('/').next().unwrap();
                self.stored.remove(&path.parse().unwrap());
            }
        }
    }

    fn judge(
        &mut self,
        asked: &Asked,
        answer: &Answer,
        stored: &[Candidate],
        moment: &Moment<'_>,
    ) -> Result<(), String> {
        let own: Vec<_> = moment
            .new
            .iter()
            .filter(|call| call.request == asked.number)
            .collect();
        let own: Vec<&Call> = own.into_iter().copied().collect();
        self.check_leak(asked, answer, moment)?;
        let certain = stored.iter().find(|candidate| {
            candidate.is_certain && candidate.selected_by == candidate.head.vary.selects(asked)
        });
        if let Some(certain) = certain {
            self.check_wanted(asked, answer, certain, &own, moment)?;
        }
        if asked.only_if_cached && self.settings.obeys_requests {
            if !own.is_empty() {
                return Err("the origin is asked in spite of only-if-cached".to_owned());
            }
            if answer.status == 504 {
                return Ok(());
            }
        }
        let Some(fields_of) = answer.number("x-call") else {
            return Err(format!("status {} of nobody", answer.status));
        };
        let call = &moment.calls[fields_of];
        let is_own = own.iter().any(|call| call.number == fields_of);
        if is_own && call.status.as_u16() != 304 {
            self.totals.forwarded += 1;
            return check_forwarded(asked, answer, call, self.settings);
        }
        if is_own && call.has_conditions_of(asked) {
            // Its own conditions were passed on, and the origin has evaluated them.
            same("body", &*answer.body, "")?;
            return same("status", answer.status, 304);
        }
        if call.status.as_u16() == 304 && moment.new.iter().any(|new| new.number == fields_of) {
            self.totals.revalidated += 1;
            let old = stored.iter().rfind(|candidate| {
                candidate.head.version == call.version
                    && candidate.selected_by == candidate.head.vary.selects(asked)
                    && moment.is_of(answer, candidate)
            });
            let old = old.ok_or("revalidated what is not stored")?;
            if answer.status == old.head.said.status && asked.method == "GET" {
                // All of it is never wrong.
                return Ok(());
            }
            let now = Candidate {
                head: old.head.updated(call),
                fields_of,
                ..old.clone()
            };
            return self.check_selected(asked, answer, &now, moment);
        }
        self.check_reused(asked, answer, fields_of, stored, moment)
    }

    /// Whatever the rules are: what was made for one user is not for another.
    fn check_leak(
        &mut self,
        asked: &Asked,
        answer: &Answer,
        moment: &Moment<'_>,
    ) -> Result<(), String> {
        let Some(number) = answer.body_of() else {
            return Ok(());
        };
        let call = &moment.calls[number];
        if call.request == asked.number {
            return Ok(());
        }
        self.totals.of_others += usize::from(call.user != asked.user);
        let control = call.said.targeted.as_ref().or(call.said.control.as_ref());
        let (is_private, is_shared) = control.map_or((false, false), |control| {
            let is_shared =
                control.public || control.must_revalidate || !control.s_maxage.is_empty();
            (control.private || control.no_store, is_shared)
        });
        let is_personal = is_private
            || call.has_failed
            || call.vary == Vary::Star
            || call.said.sets_cookie && !control.is_some_and(|control| control.cookie_is_private)
            || call.user.authorization.is_some() && !is_shared
            || matches!(call.vary, Vary::Cookie | Vary::Both)
                && call.user.cookie != asked.user.cookie;
        match is_personal {
            true => Err("the body of another".to_owned()),
            false => Ok(()),
        }
    }

    /// What the layer must do with what it certainly has.
    fn check_wanted(
        &mut self,
        asked: &Asked,
        answer: &Answer,
        certain: &Candidate,
        own: &[&Call],
        moment: &Moment<'_>,
    ) -> Result<(), String> {
        let usage =
            certain
                .terms
                .usage(certain.head.came_ms, moment.before_ms, asked, self.settings);
        let is_reused = answer.number("x-call") == Some(certain.fields_of);
        let is_only = is_only(asked, self.settings);
        match usage {
            // Without a validator it need not be kept for so long.
            Use::Accepted if !certain.has_validator() => Ok(()),
            Use::Fresh | Use::Accepted => {
                self.totals.wanted += 1;
                // What may be stale anyway is refreshed.
                let is_refreshed =
                    usage == Use::Accepted && certain.terms.stale_while_revalidate > 0;
                match (is_reused, own.is_empty() || is_refreshed) {
                    (true, true) => Ok(()),
                    (false, _) => Err(format!("{usage:?}, but not reused")),
                    (true, false) => Err(format!("{usage:?}, but the origin is asked")),
                }
            }
            Use::Refresh | Use::Revalidate if self.may_be_refused(asked, moment.before_ms) => {
                Ok(())
            }
            Use::Refresh if !is_only => {
                self.totals.wanted += 1;
                is_reused
                    .then_some(())
                    .ok_or("may be stale, but is not reused".to_owned())
            }
            Use::Revalidate if !is_only => {
                let Some(first) = own.first() else {
                    return Ok(());
                };
                let field = |name: &str| first.had.get(name).map(|value| value.to_str().unwrap());
                if let Some(is_weak) = certain.head.said.etag {
                    let tag = crate::said::etag(certain.head.version, is_weak);
                    same("if-none-match", field("if-none-match"), Some(&*tag))?;
                }
                let error = certain
                    .terms
                    .instead_of_error(certain.head.came_ms, moment.after_ms);
                let demands = self.settings.obeys_requests
                    && (asked.no_cache || asked.max_age.or(asked.min_fresh).is_some());
                if first.has_failed && error && !demands && !is_reused {
                    return Err(
                        "an error, though a stale response is allowed in its place".to_owned()
                    );
                }
                Ok(())
            }
            Use::Refresh | Use::Revalidate | Use::Never => Ok(()),
        }
    }

    fn check_reused(
        &mut self,
        asked: &Asked,
        answer: &Answer,
        fields_of: usize,
        stored: &[Candidate],
        moment: &Moment<'_>,
    ) -> Result<(), String> {
        let all = stored
            .iter()
            .filter(|candidate| candidate.fields_of == fields_of);
        // A 304 may have been about each of several bodies.
        let has_body = |candidate: &&Candidate| moment.is_of(answer, candidate);
        let candidate = all.clone().rfind(has_body).or(all.clone().next_back());
        let candidate = candidate.ok_or("reused what must not be stored")?;
        let selected_by = candidate.head.vary.selects(asked);
        same("what selects it", candidate.selected_by, selected_by)?;
        self.totals.reused += 1;
        let came_ms = candidate.head.came_ms;
        let usage = |settings| {
            candidate
                .terms
                .usage(came_ms, moment.before_ms, asked, settings)
        };
        let is_new = moment.new.iter().any(|call| call.number == fields_of);
        let failed_ms = self.failed_ms.get(&asked.path);
        let has_failed = failed_ms.is_some_and(|ms| moment.before_ms <= ms + BACK_OFF_MS);
        let lax = Settings {
            obeys_requests: false,
            ..self.settings
        };
        match usage(self.settings) {
            Use::Fresh => {}
            Use::Refresh | Use::Accepted => self.totals.stale += 1,
            Use::Revalidate if is_new && usage(lax) == Use::Fresh => {}
            Use::Revalidate
                if has_failed && candidate.terms.instead_of_error(came_ms, moment.before_ms) =>
            {
                self.totals.instead_of_errors += 1;
            }
            usage => return Err(format!("reused: {usage:?}")),
        }
        let age = |now_ms: u64| (candidate.terms.initial_age + (now_ms - came_ms)) / 1_000;
        let own = answer.number("age").ok_or("no Age")? as u64;
        if !(age(moment.before_ms)..=age(moment.after_ms)).contains(&own) {
            return Err(format!("Age {own} instead of {}", age(moment.before_ms)));
        }
        if let Some(name) = ["set-cookie", "connection", "x-hop"]
            .iter()
            .find(|name| answer.fields.contains_key(**name))
        {
            return Err(format!("{name} is stored"));
        }
        self.check_selected(asked, answer, candidate, moment)
    }

    /// The right part of the right body, with the right status.
    fn check_selected(
        &mut self,
        asked: &Asked,
        answer: &Answer,
        candidate: &Candidate,
        moment: &Moment<'_>,
    ) -> Result<(), String> {
        let body = &moment.calls[candidate.body_of].body;
        let head = &candidate.head;
        let length = body.len() as u64;
        if head.said.status < 300 && is_not_modified(asked, head) {
            self.totals.not_modified += 1;
            same("body", &*answer.body, "")?;
            return same("status", answer.status, 304);
        }
        let range = asked
            .range
            .filter(|_| asked.method == "GET" && head.said.status == 200);
        if asked.method == "HEAD" {
            same("body", &*answer.body, "")?;
            same(
                "content-length",
                answer.number("content-length"),
                Some(body.len()),
            )?;
            return same("status", answer.status, head.said.status);
        }
        match range {
            Some((first, _)) if first >= length => same("status", answer.status, 416),
            Some((first, last)) => {
                self.totals.parts += 1;
                let end = (last + 1).min(length);
                let part = &body[first as usize..end as usize];
                same("part", &*answer.body, part)?;
                same("status", answer.status, 206)
            }
            None => {
                same("body", &*answer.body, body)?;
                same("status", answer.status, head.said.status)
            }
        }
    }
}

/// The origin's own response, for a client that may have it already.
fn check_forwarded(
    asked: &Asked,
    answer: &Answer,
    call: &Call,
    settings: Settings,
) -> Result<(), String> {
    let mut head = Head::of(call);
    // That of a new response says nothing about what the client has.
    head.date_ms = u64::MAX;
    let is_whole = !call.has_failed && call.status.is_success() && !is_only(asked, settings);
    // Where the origin has not used a condition that it got, the layer may.
    let is_open = call.has_conditions_of(asked) && answer.status != 304;
    if is_whole && is_not_modified(asked, &head) && !is_open {
        same("body", &*answer.body, "")?;
        return same("status", answer.status, 304);
    }
    let body = if asked.method == "HEAD" {
        ""
    } else {
        &call.body
    };
    same("body", &*answer.body, body)?;
    same("status", answer.status, call.status.as_u16())
}

/// RFC 9110, 13.2.2.
fn is_not_modified(asked: &Asked, head: &Head) -> bool {
    match (asked.none_match, asked.modified_since) {
        (Some(version), _) => head.said.etag.is_some() && head.version == version,
        (None, Some(since)) => {
            let modified = match head.said.last_modified {
                true => crate::said::modified_ms(head.version),
                false => head.date_ms,
            };
            modified <= since
        }
        (None, None) => false,
    }
}

/// Whether the layer stores nothing of what it asks for such a request.
fn is_only(asked: &Asked, settings: Settings) -> bool {
    let demands = settings.obeys_requests && (asked.no_store || asked.only_if_cached);
    asked.method == "HEAD" || asked.range.is_some() || demands
}

/// Whether a stored response could be of any use.
fn is_worth(terms: &Terms, head: &Head) -> bool {
    let longest = terms.stale_while_revalidate.max(terms.stale_if_error);
    let has_validator = head.said.etag.is_some() || head.said.last_modified;
    has_validator || terms.initial_age < terms.lifetime + longest
}

#[expect(clippy::needless_pass_by_value, reason = "most are numbers")]
fn same<T: PartialEq + std::fmt::Debug>(what: &str, own: T, expected: T) -> Result<(), String> {
    match own == expected {
        true => Ok(()),
        false => Err(format!("{what} is {own:?}, not {expected:?}")),
    }
}

impl Candidate {
    fn has_validator(&self) -> bool {
        self.head.said.etag.is_some() || self.head.said.last_modified
    }
}

impl Moment<'_> {
    /// Whether an answer may be the body of a candidate, or a part of it.
    fn is_of(&self, answer: &Answer, candidate: &Candidate) -> bool {
        let body = &self.calls[candidate.body_of].body;
        let has_length = |length: usize| length == body.len();
        match answer.status {
            206 => answer
                .starts_at()
                .is_some_and(|first| body[first..].starts_with(&answer.body)),
            _ if answer.body.is_empty() => {
                answer.number("content-length").is_none_or(has_length) || answer.status == 304
            }
            _ => *body == answer.body,
        }
    }

    fn tell(&self, why: &str, asked: &Asked, answer: &Answer, stored: &[Candidate]) -> String {
        let times = (
            self.before_ms - crate::START_MS,
            self.after_ms - crate::START_MS,
        );
        let told = self.told;
        let calls = self.new.iter().map(|call| {
            let Call {
                number,
                request,
                status,
                fields,
                had,
                ..
            } = call;
            format!("call {number} for {request}: {status} {fields:?} asked with {had:?}\n")
        });
        let calls: String = calls.collect();
        let stored = stored
            .iter()
            .map(|candidate| format!("stored {candidate:?}\n"));
        let stored: String = stored.collect();
        format!("{why}\n{told}, now {times:?}\n{asked:?}\n{answer:?}\n{calls}{stored}")
    }
}

impl Answer {
    fn number(&self, name: &str) -> Option<usize> {
        self.fields.get(name)?.to_str().unwrap().parse().ok()
    }

    /// The first byte of a part.
    fn starts_at(&self) -> Option<usize> {
        let range = self.fields.get("content-range")?.to_str().unwrap();
        range
            .strip_prefix("bytes ")?
            .split('-')
            .next()?
            .parse()
            .ok()
    }

    /// The call that made the body, if all of it is there.
    fn body_of(&self) -> Option<usize> {
        let number = self.body.strip_prefix("call=")?;
        number.split(' ').next()?.parse().ok()
    }
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        let mut other = other.clone();
        let pairs = self.all_mut().into_iter().zip(other.all_mut());
        pairs.for_each(|(own, other)| *own += *other);
    }

    /// Everything has happened often enough to mean something.
    pub fn assert_varied(&mut self) {
        let least = self.requests / 2_500;
        let told = format!("{self:?}");
        assert!(
            self.all_mut().iter().all(|number| **number >= least),
            "{told}"
        );
    }

    fn all_mut(&mut self) -> [&mut usize; 11] {
        let Self {
            requests,
            forwarded,
            reused,
            stale,
            instead_of_errors,
            revalidated,
            not_modified,
            parts,
            invalidated,
            wanted,
            of_others,
        } = self;
        [
            requests,
            forwarded,
            reused,
            stale,
            instead_of_errors,
            revalidated,
            not_modified,
            parts,
            invalidated,
            wanted,
            of_others,
        ]
    }
}
