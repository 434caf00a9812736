//! A test in several processes: the test program starts itself again, with one test alone, and leads what the processes do.

use std::io::{BufRead, BufReader, Read, Write, stdin, stdout};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

/// Tells a test that its program is a peer, and what the one that started it has given it.
const GIVEN: &str = "GIOTTO_TEST_PEER";
/// How a line begins that is for the other side: the test harness writes lines of its own.
const MARK: &str = "peer: ";

/// Processes that run the same test. They are killed when dropped.
#[derive(Debug)]
pub struct Peers(Vec<Started>);

#[derive(Debug)]
struct Started {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

/// The part of a test that one of its processes has.
#[derive(Debug)]
pub struct Peer {
    given: String,
}

impl Peers {
    /// Starts `count` processes of this program that run `test` alone, whose full name it is. Each finds `given` in its
    /// [`Peer::given`].
    ///
    /// # Panics
    ///
    /// If one cannot be started.
    #[must_use]
    pub fn start(test: &str, count: usize, given: &str) -> Self {
        let program = std::env::current_exe().expect("a program knows its path");
        let start = |_| {
            let mut child = Command::new(&program)
                .args(["--exact", test, "--nocapture"])
                .env(GIVEN, given)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .expect("this program can be started again");
            let input = child.stdin.take().expect("it is piped");
            let output = BufReader::new(child.stdout.take().expect("it is piped"));
            Started {
                child,
                input,
                output,
            }
        };
        Self((0..count).map(start).collect())
    }

    /// Waits until each has said `word`; what each has said behind it.
    ///
    /// # Panics
    ///
    /// If one ends before, or says something else.
    pub fn until_all(&mut self, word: &str) -> Vec<String> {
        let said = self.0.iter_mut().map(|peer| peer.until(word));
        said.collect()
    }

    /// Tells each that it may go on where it [waits](Peer::wait_for) for `word`.
    ///
    /// # Panics
    ///
    /// If one has ended.
    pub fn tell(&mut self, word: &str) {
        for peer in &mut self.0 {
            writeln!(peer.input, "{word}").expect("a peer has ended");
        }
    }

    /// Waits until each has ended, and passed its test.
    ///
    /// # Panics
    ///
    /// If one has failed.
    pub fn pass(mut self) {
        for peer in &mut self.0 {
            // Until it ends, it may write more than a pipe holds.
            let last = peer.output.by_ref().lines().map_while(Result::ok);
            let has_run = last.filter(|line| line.contains("1 passed")).count() == 1;
            let status = peer.child.wait().expect("a child can be waited for");
            assert!(status.success() && has_run, "a peer has failed: {status}");
        }
    }
}

impl Started {
    fn until(&mut self, word: &str) -> String {
        let mut lines = self.output.by_ref().lines().map_while(Result::ok);
        let said = lines.find_map(|line| Some(line.split_once(MARK)?.1.to_owned()));
        let said = said.unwrap_or_else(|| panic!("a peer has ended and not said {word:?}"));
        match said.strip_prefix(word) {
            Some(rest) => rest.trim_start().to_owned(),
            None => panic!("a peer has said {said:?}, not {word:?}"),
        }
    }
}

impl Drop for Peers {
    fn drop(&mut self) {
        for peer in &mut self.0 {
            // It may have ended already.
            let _ = peer.child.kill();
            let _ = peer.child.wait();
        }
    }
}

impl Peer {
    /// The part of this process, if [`Peers`] have started it. In the process that leads, there is none.
    #[must_use]
    pub fn of_process() -> Option<Self> {
        let given = std::env::var(GIVEN).ok()?;
        Some(Self { given })
    }

    /// What the process that leads has given to all.
    #[must_use]
    pub fn given(&self) -> &str {
        &self.given
    }

    /// Tells the process that leads.
    ///
    /// # Panics
    ///
    /// If that has ended.
    pub fn say(&self, word: &str) {
        let mut output = stdout().lock();
        let said = writeln!(output, "{MARK}{word}").and_then(|()| output.flush());
        said.expect("the process that leads has ended");
    }

    /// Waits, and holds up its thread, until the process that leads [tells](Peers::tell) `word`.
    ///
    /// # Panics
    ///
    /// If that has ended, or tells something else.
    pub fn wait_for(&self, word: &str) {
        let mut line = String::new();
        stdin().read_line(&mut line).expect("it is text");
        assert_eq!(line.trim_end(), word, "of the process that leads");
    }
}
