//! Follows docs/tutorial.md as a reader does, from an empty folder: `cargo run -p checks -- tutorial`.
//!
//! It writes the files, applies the changes, runs the commands, and compares what they print with the text; at the end, it
//! compares the folder with `examples/library`, byte for byte. The convention of the text is in `page.rs`. A command that
//! has ` -- http` starts a server, which the commands below it ask, and which is stopped by the next one or at the end
//! of the step. The dependencies are compiled into the target folder of the workspace, so that they are compiled once.

mod folder;
mod output;
mod page;
mod terminal;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::Instant;

use crate::report::Violation;
use page::{Act, Block, Command, PAGE, Step, at};
use terminal::Terminal;

/// What the text makes, below the root of the repository.
const ORIGINAL: &str = "examples/library";

/// Where the text makes it.
const FOLDER: &str = "tutorial";

/// A file in it says that this program may empty it.
const MADE: &str = "made-by-checks";

/// How much a debug build tells a debugger.
const DEBUG: &str = "CARGO_PROFILE_DEV_DEBUG";

/// Follows all steps and compares what they make, or follows those up to `through`.
pub(crate) fn tutorial(
    root: &Path,
    through: Option<usize>,
) -> Result<Vec<Violation>, Box<dyn Error>> {
    let root = root.canonicalize()?;
    let (steps, mut violations) = page::read(&fs::read_to_string(root.join(PAGE))?);
    prepare(&root.join(FOLDER))?;
    let target = std::env::var_os("CARGO_TARGET_DIR").unwrap_or("target".into());
    let variables = vec![
        ("CARGO_TARGET_DIR", root.join(target).into_os_string()),
        // As the workspace has it.
        (
            DEBUG,
            std::env::var_os(DEBUG).unwrap_or("line-tables-only".into()),
        ),
        ("CARGO_TERM_COLOR", "never".into()),
    ];
    let mut terminal = Terminal::new(root.clone(), variables)?;
    let last = through.unwrap_or(steps.len());
    for step in steps.iter().take(last) {
        if !follow(step, &mut terminal, &mut violations)? {
            return Ok(violations);
        }
    }
    if through.is_some() {
        return Ok(violations);
    }
    let different = folder::differences(&terminal.folder, &root.join(ORIGINAL))?;
    violations.extend(different);
    Ok(violations)
}

/// An empty folder, unless somebody has work there.
fn prepare(folder: &Path) -> Result<(), Box<dyn Error>> {
    if folder.exists() {
        if !folder.join(MADE).exists() {
            let place = folder.display();
            return Err(format!("{place} is yours: give it another name, and try again").into());
        }
        fs::remove_dir_all(folder)?;
    }
    fs::create_dir(folder)?;
    Ok(fs::write(folder.join(MADE), "")?)
}

/// Follows one step; whether the next one can follow.
#[expect(clippy::print_stdout, reason = "a program of the command line")]
fn follow(
    step: &Step,
    terminal: &mut Terminal,
    violations: &mut Vec<Violation>,
) -> Result<bool, Box<dyn Error>> {
    let start = Instant::now();
    let before = violations.len();
    let mut go_on = true;
    for block in &step.blocks {
        go_on = act(block, terminal, violations)?;
        if !go_on {
            break;
        }
    }
    terminal.stop();
    println!(
        "step {}, {}: {:.0} s, violations: {}",
        step.number,
        step.title,
        start.elapsed().as_secs_f64(),
        violations.len() - before
    );
    Ok(go_on)
}

/// Does what a block says; whether the next one can follow.
fn act(
    block: &Block,
    terminal: &mut Terminal,
    violations: &mut Vec<Violation>,
) -> Result<bool, Box<dyn Error>> {
    match &block.act {
        Act::Write { path, text } => folder::write(&terminal.folder, path, text)?,
        Act::Change { diff } => {
            if let Err(violation) = folder::change(&terminal.folder, block.line, diff) {
                violations.push(violation);
                return Ok(false);
            }
        }
        Act::Run { commands } => {
            for command in commands {
                violations.extend(run(command, terminal)?);
            }
        }
    }
    Ok(true)
}

/// Runs a command, and compares what it prints with the text.
fn run(command: &Command, terminal: &mut Terminal) -> Result<Option<Violation>, Box<dyn Error>> {
    let Command { line, text, output } = command;
    if text.contains(" -- http") {
        let served = terminal.serve(text, output);
        return Ok(served.err().map(|printed| {
            let what = format!("the server is not ready; it has printed:\n{printed}\n");
            at(*line, what, "show what it prints when it listens")
        }));
    }
    let printed = terminal.run(text)?;
    let lines: Vec<_> = printed.text.lines().collect();
    let remedy = "change the text or the application";
    let what = match output.is_empty() {
        // The text leaves out what goes well.
        true if !printed.has_succeeded => "this command fails",
        true if lines.iter().any(|line| line.starts_with("warning")) => "this command warns",
        false if !output::is_shown(output, &lines) => "this command does not print what is shown",
        _ => return Ok(None),
    };
    Ok(Some(at(
        *line,
        format!("{what}:\n{}", printed.text),
        remedy,
    )))
}

#[cfg(test)]
mod tests;
