//! Notes that one reader changes and others read: the pages that an invalidation concerns.
//!
//! The model step of the programs that read and write them.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use giotto::prelude::*;

/// The notes, in the memory of the process.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board(Arc<Mutex<BTreeMap<u32, String>>>);

#[derive(Serialize, Deserialize)]
pub(crate) struct Id {
    id: u32,
}

#[derive(Serialize, Deserialize)]
struct Change {
    id: u32,
    text: String,
}

#[derive(Serialize)]
pub(crate) struct Note {
    id: u32,
    text: String,
}

/// A program that shows a note, before it has a view.
pub(crate) type Shown = Program<giotto::Bare<Note, Id>>;

impl Board {
    /// The programs under the path `name`: one shows a note, as `kept` says, and one changes it and redirects there.
    pub(crate) fn programs(
        &self,
        name: &'static str,
        kept: impl Fn(Shown) -> Shown,
    ) -> [Program<giotto::Ready>; 2] {
        let tag = move |id: u32| [format!("{name}:{id}")];
        let (board, notes) = (self.clone(), self.clone());
        let shows = move |Id { id }: Id| board.read(id);
        let changes = move |Change { id, text }: Change| {
            notes.write(id, text);
            Redirection::to(format!("/{name}/{id}"))
        };
        let shown = Program::new(shows).controllers([HTTP_GET]);
        [
            kept(shown).tags(move |args| tag(args.id)).view(view()),
            Program::new(changes)
                .controllers([HTTP_POST])
                .invalidates(move |args| tag(args.id))
                .view(BasicView::new()),
        ]
    }

    fn read(&self, id: u32) -> Note {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = notes.get(&id).map_or("nothing yet", String::as_str).into();
        Note { id, text }
    }

    fn write(&self, id: u32, text: String) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.insert(id, text);
    }
}

fn view() -> View<Note> {
    BasicView::new().html(|Note { id, text }: &Note| {
        let text = escape_html(text);
        format!("<!doctype html><title>note {id}</title><p id=\"text\">{text}</p><a id=\"home\" href=\"/\">home</a>")
    })
}
