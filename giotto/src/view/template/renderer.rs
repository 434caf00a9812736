//! A template as the renderer of a media type.
//!
//! Step 6 of an invocation.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, LazyLock};

use minijinja::AutoEscape;
use serde::Serialize;

use super::templates::Templates;
use crate::error::Result;
use crate::mime::Mime;
use crate::state::{State, States};
use crate::view::renderer::{IntoRenderer, Renderer};

/// Renders the file `name` of the application's [`Templates`], or of the folder `templates/` if it has named none. The template
/// has `data`, which the model computed, and `errors`, the refused fields of a POST: `errors.email.message` is empty while the
/// field is not refused.
///
/// `{{ .. }}` escapes for the media type, whatever the name of the file: HTML, XHTML, SVG and all other XML as HTML; JSON,
/// JavaScript and YAML as JSON, with quotes; other text not at all. The same holds in templates that it includes or extends.
///
/// A template that is missing is an error when the application starts.
#[must_use]
pub fn template(name: impl Into<String>) -> Template {
    Template {
        own: None,
        name: name.into(),
    }
}

/// A Jinja template, made with [`template`].
#[derive(Clone, Debug)]
pub struct Template {
    /// Its own folder, in place of the application's.
    own: Option<Arc<Templates>>,
    name: String,
}

/// Marks that a [`Template`] is the renderer.
#[derive(Debug)]
pub struct ByTemplate;

impl Template {
    /// Reads the template and what it includes from `folder` instead. It has nothing of the application's [`Templates`].
    #[must_use]
    pub fn folder(self, folder: impl Into<PathBuf>) -> Self {
        Self {
            own: Some(Arc::new(Templates::new(folder))),
            ..self
        }
    }
}

/// The templates of an application that has named none.
static USUAL: LazyLock<Templates> = LazyLock::new(|| Templates::new("templates"));

/// The templates of the application, as the state that it has or does not have.
enum Found {
    Own(Arc<Templates>),
    OfApplication(State<Templates>),
    Usual,
}

impl Found {
    fn new(own: Option<&Arc<Templates>>, states: &States) -> Self {
        match own {
            Some(own) => Self::Own(Arc::clone(own)),
            None => states.find().map_or(Self::Usual, Self::OfApplication),
        }
    }

    fn templates(&self) -> &Templates {
        match self {
            Self::Own(templates) => templates,
            Self::OfApplication(templates) => templates,
            Self::Usual => &USUAL,
        }
    }
}

impl<T: Serialize + 'static> IntoRenderer<T, ByTemplate> for Template {
    fn into_renderer(self, mime: &Mime) -> Renderer<T> {
        let (escaping, checked) = (escaping(mime), self.clone());
        let escaped = escaping.clone();
        // Known at the start for templates that are named by constants, and otherwise after the first page.
        let has_fragments = Arc::<AtomicBool>::default();
        let [met, found_at_start] = [0; 2].map(|_| Arc::clone(&has_fragments));
        Renderer::new(move |data: &T, rendering| -> Result<_> {
            let found = Found::new(self.own.as_ref(), rendering.context().states());
            let templates = found.templates();
            let page = templates.render(&self.name, &escaping, data, rendering, &met)?;
            Ok(page.into())
        })
        .checked(move |startup| {
            let found = Found::new(checked.own.as_ref(), startup.states());
            let templates = found.templates();
            let has_fragments = templates.check(&checked.name, &escaped, startup)?;
            found_at_start.store(has_fragments, Ordering::Relaxed);
            Ok(())
        })
        .waiting(has_fragments)
    }
}

/// How values are escaped in a page of `mime`. The words of the media type decide, so that `application/vnd.example+xml` is
/// XML, too. Browsers guess what an `unknown` type is, and may find HTML.
fn escaping(mime: &Mime) -> AutoEscape {
    let is_one_of = |known: &[&str]| {
        let mut words = mime
            .essence()
            .split(|character: char| !character.is_ascii_alphanumeric());
        words.any(|word| known.contains(&word))
    };
    if is_one_of(&["html", "xhtml", "xml", "svg", "xsl", "unknown"]) {
        AutoEscape::Html
    } else if is_one_of(&[
        "json",
        "json5",
        "jsonl",
        "ndjson",
        "javascript",
        "ecmascript",
        "yaml",
    ]) {
        AutoEscape::Json
    } else {
        AutoEscape::None
    }
}
