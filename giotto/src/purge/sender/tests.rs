//! What is sent, how often, and when: with an end point that answers as it is told, and a clock that stands until all wait.

use std::collections::VecDeque;

use super::*;

/// Answers with the outcomes in their order, and accepts all that follow; notes when it was asked for what.
#[derive(Default)]
struct Script {
    outcomes: Mutex<VecDeque<Outcome>>,
    asked: Mutex<Vec<(Duration, String, bool)>>,
}

impl Script {
    fn sender(outcomes: impl IntoIterator<Item = Outcome>) -> (Arc<Sender>, Arc<Self>) {
        let script = Arc::new(Self {
            outcomes: Mutex::new(outcomes.into_iter().collect()),
            ..Self::default()
        });
        let (started, noted) = (Instant::now(), Arc::clone(&script));
        let transport = move |request: http::Request<_>| -> super::super::client::Sending {
            let tags = request.headers()["x-tags"].to_str().unwrap().to_owned();
            let is_accepted = noted.outcomes.lock().unwrap().is_empty();
            let at = started.elapsed();
            noted.asked.lock().unwrap().push((at, tags, is_accepted));
            let outcome = noted.outcomes.lock().unwrap().pop_front();
            Box::pin(async move { outcome.unwrap_or(Outcome::Accepted) })
        };
        let end_point = EndPoint::http("PURGE", "http://cdn/").unwrap();
        let end_point = end_point.field("x-tags", "{tags}").unwrap();
        (
            Arc::new(Sender::new(end_point, Box::new(transport))),
            script,
        )
    }

    fn accepted(&self) -> Vec<String> {
        let asked = self.asked.lock().unwrap();
        let accepted = asked.iter().filter(|(_, _, is_accepted)| *is_accepted);
        let tags = accepted.flat_map(|(_, tags, _)| tags.split(' ').map(str::to_owned));
        let mut tags: Vec<String> = tags.collect();
        tags.sort();
        tags
    }

    fn times(&self) -> Vec<Duration> {
        let asked = self.asked.lock().unwrap();
        asked.iter().map(|(at, _, _)| *at).collect()
    }
}

fn later(seconds: Option<u64>) -> Outcome {
    Outcome::Later {
        why: "503".to_owned(),
        pause: seconds.map(Duration::from_secs),
    }
}

fn push_now(sender: &Arc<Sender>, tag: &str) {
    push(sender, tag.to_owned(), false, Instant::now());
}

async fn until_sent(sender: &Sender) {
    let mut waiting = sender.waiting.subscribe();
    let _ = waiting.wait_for(|waiting| *waiting == 0).await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_is_one_request() {
    let (sender, script) = Script::sender([]);
    for tag in ["b", "a", "b"] {
        push_now(&sender, tag);
    }
    until_sent(&sender).await;
    assert_eq!(script.accepted(), ["a", "b"]);
    assert_eq!(script.times(), [LINGER]);
    let counts = sender.counts();
    assert_eq!((counts.sent, counts.waiting), (2, 0));
    push_now(&sender, "c");
    until_sent(&sender).await;
    assert_eq!(script.accepted(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_tag_is_accepted_once_after_failures_and_the_pauses_double() {
    let (sender, script) = Script::sender((0..12).map(|_| later(None)));
    push_now(&sender, "a");
    sleep(Duration::from_secs(1)).await;
    push_now(&sender, "a");
    push_now(&sender, "b");
    until_sent(&sender).await;
    assert_eq!(script.accepted(), ["a", "b"]);
    let times = script.times();
    for (failures, pair) in times.windows(2).enumerate() {
        let pause = pair[1] - pair[0];
        let longest = backoff(u32::try_from(failures).unwrap(), LONGEST_PAUSE);
        assert!(
            pause >= longest / 2 && pause <= longest + Duration::from_millis(2),
            "{pause:?}"
        );
    }
    assert_eq!(backoff(1_000, LONGEST_PAUSE), LONGEST_PAUSE);
}

#[tokio::test(start_paused = true)]
async fn an_end_point_that_asks_for_a_pause_gets_it() {
    let (sender, script) = Script::sender([later(Some(7))]);
    push_now(&sender, "a");
    until_sent(&sender).await;
    assert_eq!(script.times(), [LINGER, LINGER + Duration::from_secs(7)]);
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_is_given_up_and_what_follows_is_sent() {
    let (sender, script) = Script::sender([Outcome::Refused("403".to_owned())]);
    push_now(&sender, "a");
    until_sent(&sender).await;
    push_now(&sender, "b");
    until_sent(&sender).await;
    assert_eq!(script.accepted(), ["b"]);
    let counts = sender.counts();
    assert_eq!((counts.sent, counts.failed), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn too_many_while_it_is_down_become_a_purge_of_everything() {
    let (sender, script) = Script::sender([later(Some(60))]);
    push_now(&sender, "first");
    sleep(Duration::from_secs(1)).await;
    for number in 0..10_000 {
        push_now(&sender, &number.to_string());
        assert!(sender.counts().waiting <= super::super::queue::MAX_TAGS as u64);
    }
    until_sent(&sender).await;
    assert_eq!(script.accepted(), ["giotto:all"]);
    let counts = sender.counts();
    assert_eq!((counts.sent, counts.collapsed), (1, 1_001));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_due_does_not_hold_up_what_is() {
    let (sender, script) = Script::sender([]);
    let due = Instant::now() + Duration::from_secs(5);
    push(&sender, "late".to_owned(), false, due);
    sleep(Duration::from_secs(1)).await;
    push_now(&sender, "now");
    until_sent(&sender).await;
    let [now, late] = script.times()[..] else {
        panic!("two requests");
    };
    assert!(now < Duration::from_secs(2));
    assert!(late >= Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_process_that_exits_waits_for_its_purges_but_not_for_ever() {
    let (sender, script) = Script::sender((0..8).map(|_| later(None)));
    push_now(&sender, "a");
    sleep(Duration::from_secs(4)).await;
    sender.settle(Duration::from_secs(5)).await;
    assert_eq!(script.accepted(), ["a"]);
    let (sender, _) = Script::sender((0..1_000).map(|_| later(None)));
    push_now(&sender, "a");
    sender.settle(Duration::from_secs(5)).await;
    assert_eq!(sender.counts().waiting, 1);
}

#[test]
fn what_a_runtime_leaves_behind_the_next_one_sends() {
    let (sender, script) = Script::sender([later(Some(60))]);
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time().start_paused(true).build().unwrap()
    };
    runtime().block_on(async {
        push_now(&sender, "a");
        sleep(Duration::from_secs(1)).await;
    });
    runtime().block_on(async {
        push_now(&sender, "b");
        until_sent(&sender).await;
    });
    assert_eq!(script.accepted(), ["a", "b"]);
}

/// A runtime that has shut down drops the task at once, in the thread that pushes.
#[test]
fn a_tag_that_comes_while_the_runtime_ends_waits_for_the_next_one() {
    let (sender, _) = Script::sender([]);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let handle = runtime.handle().clone();
    drop(runtime);
    let (pushed, is_pushed) = std::sync::mpsc::channel();
    let pushing = Arc::clone(&sender);
    std::thread::spawn(move || {
        let _entered = handle.enter();
        push_now(&pushing, "a");
        pushed.send(()).unwrap();
    });
    let patience = Duration::from_secs(60);
    is_pushed.recv_timeout(patience).expect("it does not hang");
    assert!(!sender.lock().is_running);
    assert_eq!(*sender.waiting.borrow(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_end_point_that_asks_for_no_pause_gets_one_all_the_same() {
    let (sender, script) = Script::sender([later(Some(0)), later(Some(0))]);
    push_now(&sender, "a");
    until_sent(&sender).await;
    let times = script.times();
    for pair in times.windows(2) {
        assert!(pair[1] - pair[0] >= Duration::from_millis(50), "{times:?}");
    }
    assert_eq!(script.accepted(), ["a"]);
}
