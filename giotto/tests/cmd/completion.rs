//! Completion, in the shells themselves: bash and zsh on a terminal, where keys are typed, and fish by its own command.

use std::io::{BufReader, Read, Write};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::{ran, testbed};

/// What a shell prints when it waits for keys.
const READY: &str = "READY>";
/// The key by which a shell shows the line as it is: `<<testbed cmd >>`.
const SHOW: &str = "\x0f";
const CLEAR: &str = "\x15";
const TAB: &str = "\t";

const BASH: &str = r#"
PS1='READY>'
bind 'set show-all-if-ambiguous on' 2>/dev/null
bind 'set enable-bracketed-paste off'
bind 'set bell-style none'
bind -x '"\C-o": printf "<<%s>>\n" "$READLINE_LINE"'
source <(testbed completions bash)
"#;

const ZSH: &str = r#"
PS1='READY>'
autoload -Uz compinit
compinit -u -D
show() { print -r -- "<<$BUFFER>>" }
zle -N show
bindkey '^o' show
bindkey '^u' kill-whole-line
unsetopt prompt_cr prompt_sp list_beep
setopt auto_list no_auto_menu no_always_last_prompt
zstyle ':completion:*' list-colors ''
source <(testbed completions zsh)
"#;

/// A shell on a terminal, which `script` gives it.
struct Shell {
    process: Child,
    keys: ChildStdin,
    shown: BufReader<ChildStdout>,
}

impl Shell {
    /// Starts `line` in `folder`. The testbed is found by its name.
    fn start(line: &str, folder: &Path) -> Self {
        let programs = testbed::path().parent().unwrap().display().to_string();
        let mut command = Command::new("script");
        command
            .env_clear()
            .env("TERM", "xterm")
            .env("COLUMNS", "200")
            .env("HOME", folder)
            .env("ZDOTDIR", folder)
            .env("PATH", format!(".:{programs}:/usr/bin:/bin"))
            .current_dir(folder)
            .args(["-qec", line, "/dev/null"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = command.spawn().expect("`script`, of the package bsdutils");
        let keys = process.stdin.take().unwrap();
        let shown = BufReader::new(process.stdout.take().unwrap());
        let mut shell = Self {
            process,
            keys,
            shown,
        };
        shell.until(READY);
        shell
    }

    fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// What is shown before `mark`.
    fn until(&mut self, mark: &str) -> String {
        let mut shown = Vec::new();
        let mut byte = [0];
        while !shown.ends_with(mark.as_bytes()) {
            let shown = &mut shown;
            self.shown
                .read_exact(&mut byte)
                .unwrap_or_else(|_| panic!("no {mark}: {}", String::from_utf8_lossy(shown)));
            shown.push(byte[0]);
        }
        shown.truncate(shown.len() - mark.len());
        String::from_utf8(shown).unwrap()
    }

    /// The line that `typed` becomes by a tab, and what is shown besides.
    fn complete(&mut self, typed: &str) -> (String, String) {
        self.press(&format!("{typed}{TAB}{SHOW}"));
        let besides = self.until("<<");
        let line = self.until(">>");
        self.press(&format!("{CLEAR}\n"));
        // The prompt is shown again after what was shown, and then for the next line.
        self.press(&format!("echo END{}\n", "OFLINE"));
        self.until("\nENDOFLINE");
        self.until(READY);
        (line, besides)
    }

    fn completes(&mut self, typed: &str, line: &str) {
        assert_eq!(self.complete(typed).0, line, "{typed:?}");
    }

    fn offers(&mut self, typed: &str, words: &[&str], not: &[&str]) {
        let (_, shown) = self.complete(typed);
        for word in words {
            assert!(shown.contains(word), "{typed:?} {word}: {shown:?}");
        }
        for word in not {
            assert!(!shown.contains(word), "{typed:?} {word}: {shown:?}");
        }
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// What every shell completes: what is typed, and the line that it becomes.
const UNIQUE: [(&str, &str); 17] = [
    ("testbed comp", "testbed completions "),
    ("testbed completions b", "testbed completions bash "),
    ("testbed http --po", "testbed http --port="),
    ("testbed cmd squ", "testbed cmd squared "),
    ("testbed cmd mg", "testbed cmd mgt/"),
    ("testbed cmd mgt/ca", "testbed cmd mgt/cache/"),
    (
        "testbed cmd mgt/cache/expl",
        "testbed cmd mgt/cache/explain ",
    ),
    (
        "testbed cmd mgt/cache/explain pain",
        "testbed cmd mgt/cache/explain paint ",
    ),
    (
        "testbed cmd mgt/cache/explain paint colo",
        "testbed cmd mgt/cache/explain paint colour=",
    ),
    ("testbed cmd paint co", "testbed cmd paint co"),
    (
        "testbed cmd paint colour=r",
        "testbed cmd paint colour=red ",
    ),
    (
        "testbed cmd paint --colour=g",
        "testbed cmd paint --colour=green ",
    ),
    (
        "testbed cmd paint --colour g",
        "testbed cmd paint --colour green ",
    ),
    (
        "testbed cmd paint colour=red ",
        "testbed cmd paint colour=red coats=",
    ),
    ("testbed cmd --cache on", "testbed cmd --cache only "),
    (
        "testbed cmd --cache=only -v squared.j",
        "testbed cmd --cache=only -v squared.json ",
    ),
    (
        "testbed cmd echo text=a.fi",
        "testbed cmd echo text=a.file ",
    ),
];

#[test]
fn bash_completes_programs_parameters_and_values() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("bashrc"), BASH).unwrap();
    std::fs::write(folder.path().join("a.file"), "").unwrap();
    symlink(testbed::path(), folder.path().join("testbed-cmd")).unwrap();
    let mut bash = Shell::start("bash --noprofile --rcfile bashrc -i", folder.path());
    for (typed, line) in UNIQUE {
        bash.completes(typed, line);
    }
    // bash splits words at `=` and `:`, unless it is told otherwise.
    bash.completes(
        "testbed cmd paint 'colour=r",
        "testbed cmd paint 'colour=red' ",
    );
    bash.completes(
        "testbed cmd paint colour='r",
        "testbed cmd paint colour='red' ",
    );
    bash.completes("A=1 testbed cmd squ", "A=1 testbed cmd squared ");
    bash.completes(
        "testbed-cmd paint colour=r",
        "testbed-cmd paint colour=red ",
    );
    bash.offers(
        "testbed cmd paint colour=",
        &["red", "green"],
        &["colour=red"],
    );
    bash.offers("testbed cmd paint ", &["colour=", "coats="], &["--"]);
    bash.offers("testbed cmd blog", &["blog/"], &["squared"]);
    bash.offers(
        "testbed cmd mgt/cache/",
        &["mgt/cache/stats", "mgt/cache/warm"],
        &["mgt/flush"],
    );
    bash.press("COMP_WORDBREAKS=${COMP_WORDBREAKS//[=:]/}\n");
    bash.until(READY);
    bash.completes(
        "testbed cmd paint colour=r",
        "testbed cmd paint colour=red ",
    );
}

#[test]
fn zsh_completes_programs_parameters_and_values() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".zshrc"), ZSH).unwrap();
    std::fs::write(folder.path().join("a.file"), "").unwrap();
    let mut zsh = Shell::start("zsh -d -i", folder.path());
    for (typed, line) in UNIQUE {
        zsh.completes(typed, line);
    }
    zsh.offers(
        "testbed cmd paint co",
        &["colour=", "Of what colour. [required]", "coats="],
        &["squared"],
    );
}

#[test]
fn fish_completes_programs_parameters_and_values() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("a.file"), "").unwrap();
    let programs = testbed::path().parent().unwrap().display().to_string();
    let offered = |typed: &str| {
        let mut fish = Command::new("fish");
        fish.env_clear()
            .env("HOME", folder.path())
            .env("PATH", format!("{programs}:/usr/bin:/bin"))
            .current_dir(folder.path())
            .args(["--no-config", "-c"])
            .arg("testbed completions fish | source; complete -C $argv[1]")
            .arg(typed);
        ran(&mut fish).stdout
    };
    for (typed, line) in UNIQUE {
        let offered = offered(typed);
        let mut words = offered.lines().map(|line| line.split('\t').next().unwrap());
        let word = line.trim_end().rsplit(' ').next().unwrap();
        match typed == line {
            true => assert_eq!(words.collect::<Vec<_>>(), ["coats=", "colour="], "{typed}"),
            false => assert_eq!((words.next(), words.next()), (Some(word), None), "{typed}"),
        }
    }
    assert_eq!(offered("testbed cmd squ"), "squared\tSquares a number.\n");
}

#[test]
fn what_is_unknown_completes_nothing_and_a_value_is_left_to_the_shell() {
    let folder = tempfile::tempdir().unwrap();
    for (line, code, words) in [
        ("testbed cmd nothing x", 0, ""),
        ("testbed nothing ", 0, "http\ncmd\ncompletions\nman\n"),
        ("testbed cmd paint colour=x", 0, ""),
        ("testbed cmd echo text=", 1, ""),
        ("testbed cmd echo 1", 1, ""),
        ("testbed man ", 1, ""),
    ] {
        let answer = ran(testbed::command(folder.path()).args(["__complete", "bash", line, ""]));
        assert_eq!(
            (answer.code, &*answer.stdout),
            (Some(code), words),
            "{line}"
        );
        assert_eq!(answer.stderr, "", "{line}");
    }
    // The configuration is not read: the application has no settings of its own.
    std::fs::write(folder.path().join("giotto.toml"), "cash = 1").unwrap();
    let line = "testbed cmd --config none.toml squ";
    ran(testbed::command(folder.path()).args(["__complete", "bash", line])).says("squared\n");
}
