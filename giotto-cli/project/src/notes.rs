//! The notes, and the programs that show them and take a new one.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};

use giotto::Redirection;
use giotto::prelude::*;

/// The tag of every page that shows notes.
const TAG: &str = "notes";
/// The most letters of a note.
const LONGEST: usize = 280;

/// The programs by name: `""` is the front page, `/note` takes a note that is posted. Both are commands, too.
pub(crate) fn manifest() -> Manifest {
    // For an hour, or until there is a new note. If the file cannot be read then, the old page for a day.
    let policy = Policy::seconds(3_600).stale_if_error(86_400);
    let board = Program::new(show_board)
        .controllers([HTTP_GET, CMD])
        .cache(policy)
        .tags(|_| [TAG])
        .view(BasicView::new().html(template("board.html")));
    let form = Program::new(empty_form)
        .controllers([HTTP_GET])
        .cache(3_600)
        .view(View::new().html(template("note.html")));
    let add = Program::new(add_note)
        .controllers([HTTP_POST, CMD])
        .invalidates(|_| [TAG])
        .view(View::new());
    Manifest::default()
        .with("", board)
        .with("note", [form, add])
}

/// Shows all notes, the newest first.
#[model]
fn show_board(notes: State<Notes>) -> Result<Board, Error> {
    let mut notes = notes.all()?;
    notes.reverse();
    Ok(Board { notes })
}

/// Shows the form for a new note.
#[model]
fn empty_form() -> Form {
    Form { longest: LONGEST }
}

/// Adds a note to the board.
#[model]
fn add_note(
    /// What it says.
    text: String,
    /// Who says it.
    author: String,
    notes: State<Notes>,
) -> Result<Redirection, Error> {
    let [text, author] = [text, author].map(|field| field.trim().to_owned());
    InvalidInput::new()
        .require(!text.is_empty(), "text", &text, "a note says something")
        .require(
            text.chars().count() <= LONGEST,
            "text",
            &text,
            format!("a note has {LONGEST} letters at most"),
        )
        .require(
            !author.is_empty(),
            "author",
            &author,
            "a note has an author",
        )
        .into_result()?;
    notes.add(&Note { text, author })?;
    Ok(Redirection::to("/"))
}

/// What the front page shows.
#[derive(Serialize)]
struct Board {
    notes: Vec<Note>,
}

/// What the form shows before it is filled in.
#[derive(Serialize)]
struct Form {
    longest: usize,
}

#[derive(Serialize, Deserialize)]
struct Note {
    text: String,
    author: String,
}

/// The notes in a file, one line of JSON each: several processes can add to it at once.
pub(crate) struct Notes {
    file: PathBuf,
}

impl Notes {
    pub(crate) fn new(file: &Path) -> Self {
        Self {
            file: file.to_owned(),
        }
    }

    /// All notes, the oldest first.
    fn all(&self) -> Result<Vec<Note>, Error> {
        let lines = match fs::read_to_string(&self.file) {
            Ok(lines) => lines,
            Err(error) if error.kind() == ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error.into()),
        };
        let notes = lines.lines().map(serde_json::from_str);
        Ok(notes.collect::<Result<_, _>>()?)
    }

    fn add(&self, note: &Note) -> Result<(), Error> {
        let line = serde_json::to_string(note)? + "\n";
        let mut file = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&self.file)?;
        Ok(file.write_all(line.as_bytes())?)
    }
}
