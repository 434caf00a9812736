//! Log lines that clients cause: what stands in them, and how often they are written.
//!
//! Beside every step that logs. [`Cut`] is for a field whose text comes from outside, [`Limiter`] for an event that a
//! client can repeat, `Pace` for a line that comes at most once in a span of time. For the crates of this project only.

use std::fmt::{self, Debug, Display, Formatter, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

/// The most bytes of a field that are written. The rest is counted.
const MAX_FIELD: usize = 240;
/// An event is logged at most once in this time. The time doubles whenever the event is logged again, up to [`LONGEST`].
const EVERY: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// The events that are told apart within [`KEPT`]. All others count as one, so that neither the memory nor the log grows
/// with what clients invent.
const MAX_EVENTS: usize = 16;
const KEPT: Duration = Duration::from_secs(10);

/// Whether a terminal obeys `character` instead of showing it, or shows other characters elsewhere because of it: control
/// characters, line separators, and the embeddings, overrides and isolates of bidirectional text.
#[must_use]
pub fn is_control(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A text from outside as a field of a log line: cut after 240 bytes, control characters escaped. As `%Cut(..)` it stands
/// there as it is, as `?Cut(..)` in quotes.
#[derive(Clone, Copy)]
pub struct Cut<T>(pub T);

impl<T: Display> Display for Cut<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        Field::write(f, &self.0, is_control)
    }
}

impl<T: Display> Debug for Cut<T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('"')?;
        Field::write(f, &self.0, |character| {
            is_control(character) || matches!(character, '"' | '\\')
        })?;
        f.write_char('"')
    }
}

/// A field that is being written.
struct Field<'f, 'b> {
    out: &'f mut Formatter<'b>,
    is_escaped: fn(char) -> bool,
    room: usize,
    bytes: usize,
}

impl<'f, 'b> Field<'f, 'b> {
    fn write(
        out: &'f mut Formatter<'b>,
        text: &dyn Display,
        is_escaped: fn(char) -> bool,
    ) -> fmt::Result {
        let mut field = Self {
            out,
            is_escaped,
            room: MAX_FIELD,
            bytes: 0,
        };
        write!(field, "{text}")?;
        match field.room {
            0 => write!(field.out, "… ({} bytes)", field.bytes),
            _ => Ok(()),
        }
    }

    /// Writes `text`, or nothing more if there is no room for it.
    fn put(&mut self, text: &str) -> fmt::Result {
        match self.room.checked_sub(text.len()) {
            None | Some(0) => self.room = 0,
            Some(room) => {
                self.room = room;
                self.out.write_str(text)?;
            }
        }
        Ok(())
    }
}

impl Write for Field<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes += text.len();
        for character in text.chars() {
            if self.room == 0 {
                break;
            }
            match (self.is_escaped)(character) {
                true => {
                    let escaped = character.escape_default().to_string();
                    self.put(&escaped)?;
                }
                false => self.put(character.encode_utf8(&mut [0; 4]))?,
            }
        }
        Ok(())
    }
}

/// Tells the same event at most once a second, and how often it happened meanwhile. While it goes on, the time between two
/// lines doubles, up to a minute. Clones share what they know.
///
/// ```ignore
/// let key = Cut(key).to_string();
/// limiter.tell("too large", move |repeated| tracing::warn!(key, repeated, "a result is too large: it is not stored"));
/// ```
#[derive(Clone, Default)]
pub struct Limiter(Arc<Mutex<Vec<Event>>>);

/// An event that was told lately.
struct Event {
    name: u64,
    told: Instant,
    /// How long it is not told again after `told`.
    every: Duration,
    left_out: u64,
    tell: Box<dyn Fn(Option<u64>) + Send>,
}

impl Event {
    fn new(name: u64, told: Instant) -> Self {
        Self {
            name,
            told,
            every: EVERY,
            left_out: 0,
            tell: Box::new(|_| ()),
        }
    }

    fn is_quiet(&self, now: Instant) -> bool {
        now < self.told + self.every
    }

    /// What was left out waits for its time to be over, but not without end where no runtime tells it.
    fn is_kept(&self, now: Instant) -> bool {
        let kept = match self.left_out {
            0 => self.every.max(KEPT),
            _ => LONGEST + self.every,
        };
        now < self.told + kept
    }

    /// Notes that it is told `now`; how often it happened since it was told before, without this time.
    fn told_again(&mut self, now: Instant) -> u64 {
        self.told = now;
        self.every = LONGEST.min(2 * self.every);
        std::mem::take(&mut self.left_out)
    }
}

impl Limiter {
    /// Calls `tell` if `event` was not told within the last second. If it was, it is told when that time is over, with
    /// the number of times that it happened since.
    ///
    /// `event` names what happened, and no more of a client's text than is worth a line of its own.
    pub fn tell(&self, event: impl Hash, tell: impl Fn(Option<u64>) + Send + 'static) {
        let now = Instant::now();
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        events.retain(|event| event.is_kept(now));
        let mut name = name_of(event);
        if events.len() >= MAX_EVENTS && events.iter().all(|event| event.name != name) {
            name = name_of("others");
        }
        match events.iter_mut().find(|event| event.name == name) {
            Some(event) if event.is_quiet(now) => {
                event.left_out += 1;
                event.tell = Box::new(tell);
                if event.left_out == 1 {
                    self.tell_at(name, event.told + event.every);
                }
            }
            Some(event) => {
                let repeated = event.told_again(now) + 1;
                drop(events);
                tell((repeated > 1).then_some(repeated));
            }
            None => {
                events.push(Event::new(name, now));
                drop(events);
                tell(None);
            }
        }
    }

    /// Tells what was left out so far; for the end of a process.
    pub fn flush(&self) {
        self.tell_left_out(|_| true);
    }

    fn tell_at(&self, name: u64, when: Instant) {
        let limiter = self.clone();
        // Without a runtime it is told when it happens again.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(async move {
                sleep_until(when).await;
                // Race: a request may have told it just before, and began its time anew.
                let now = Instant::now();
                limiter.tell_left_out(|event| event.name == name && !event.is_quiet(now));
            });
        }
    }

    fn tell_left_out(&self, is_meant: impl Fn(&Event) -> bool) {
        let mut events = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let meant = events.iter_mut().filter(|event| is_meant(event));
        let due: Vec<_> = meant
            .filter(|event| event.left_out > 0)
            .map(|event| {
                let tell = std::mem::replace(&mut event.tell, Box::new(|_| ()));
                (tell, event.told_again(Instant::now()))
            })
            .collect();
        drop(events);
        for (tell, repeated) in due {
            tell(Some(repeated));
        }
    }
}

impl Debug for Limiter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("Limiter")
    }
}

/// Allows something once in a span of time, by the clock of the cache: a line of the log, for example.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    next_ms: AtomicU64,
}

impl Pace {
    pub(crate) fn allows(&self, now_ms: u64, every_ms: u64) -> bool {
        let next = self.next_ms.load(Ordering::Relaxed);
        let after = now_ms.saturating_add(every_ms);
        let claim = || {
            self.next_ms
                .compare_exchange(next, after, Ordering::Relaxed, Ordering::Relaxed)
        };
        now_ms >= next && claim().is_ok()
    }
}

fn name_of(event: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    event.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_cut_and_shows_control_characters() {
        assert_eq!(Cut("plain ü").to_string(), "plain ü");
        let hostile = "a\r\nb\x1b[31m\u{9b}2J\u{202e}c\t";
        let shown = r"a\r\nb\u{1b}[31m\u{9b}2J\u{202e}c\t";
        assert_eq!(Cut(hostile).to_string(), shown);
        assert_eq!(format!("{:?}", Cut("a\"b\\")), r#""a\"b\\""#);
        for long in [
            "x".repeat(15_000),
            "ü".repeat(15_000),
            "\x07".repeat(15_000),
        ] {
            let cut = Cut(&long).to_string();
            assert!(cut.len() < 300, "{}", cut.len());
            assert!(cut.ends_with(&format!("… ({} bytes)", long.len())), "{cut}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_is_told_once_a_second_with_the_number_of_times() {
        let limiter = Limiter::default();
        let (told, lines) = std::sync::mpsc::channel();
        let happens = |event: u32| {
            let told = told.clone();
            limiter.tell(event, move |repeated| told.send((event, repeated)).unwrap());
        };
        let lines = || lines.try_iter().collect::<Vec<_>>();
        (0..100).for_each(|_| happens(1));
        happens(2);
        assert_eq!(lines(), [(1, None), (2, None)]);
        tokio::time::sleep(EVERY + Duration::from_millis(1)).await;
        assert_eq!(lines(), [(1, Some(99))]);
        (0..3).for_each(|_| happens(1));
        assert_eq!(lines(), []);
        limiter.flush();
        assert_eq!(lines(), [(1, Some(3))]);
        tokio::time::sleep(KEPT).await;
        happens(1);
        assert_eq!(lines(), [(1, None)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_that_goes_on_is_told_less_and_less_often_and_at_least_once_a_minute() {
        let limiter = Limiter::default();
        let (told, lines) = std::sync::mpsc::channel();
        let started = Instant::now();
        for _ in 0..3_000 {
            let told = told.clone();
            limiter.tell("it fails", move |repeated| {
                told.send((started.elapsed(), repeated.unwrap_or(1)))
                    .unwrap();
            });
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        limiter.flush();
        let lines: Vec<_> = lines.try_iter().collect();
        let gaps = lines
            .windows(2)
            .map(|two| (two[1].0 - two[0].0).as_secs_f64().round());
        let gaps: Vec<_> = gaps.collect();
        let expected = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0, 57.0];
        assert_eq!(gaps, expected, "{lines:?}");
        assert_eq!(lines.iter().map(|(_, times)| times).sum::<u64>(), 3_000);
    }

    #[tokio::test(start_paused = true)]
    async fn what_clients_invent_grows_neither_the_log_nor_the_memory() {
        let limiter = Limiter::default();
        let (told, lines) = std::sync::mpsc::channel();
        for event in 0..10_000 {
            let told = told.clone();
            limiter.tell(event, move |repeated| told.send(repeated).unwrap());
        }
        tokio::time::sleep(2 * EVERY).await;
        let lines: Vec<_> = lines.try_iter().collect();
        assert_eq!(lines.len(), MAX_EVENTS + 2);
        let all: u64 = lines.iter().map(|repeated| repeated.unwrap_or(1)).sum();
        assert_eq!(all, 10_000);
        assert_eq!(limiter.0.lock().unwrap().len(), MAX_EVENTS + 1);
    }
}
