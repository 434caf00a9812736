//! Jinja templates as renderers.
//!
//! Step 6 of an invocation, for views that are written in files.

use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, context, path_loader};
use serde::Serialize;

use super::renderer::{IntoRenderer, Renderer, Rendering};
use crate::mime::Mime;

/// Renders the file `name` of the folder `templates/`. The template has `data`, which the model computed, and `errors`, the
/// refused fields of a POST: `errors.email.message` is empty while the field is not refused.
///
/// `{{ .. }}` escapes for the media type, whatever the name of the file: HTML, XHTML, SVG and all other XML as HTML; JSON,
/// JavaScript and YAML as JSON, with quotes; other text not at all. The same holds in templates that it includes or extends.
///
/// A debug build reads a changed file at once.
#[must_use]
pub fn template(name: impl Into<String>) -> Template {
    Template {
        folder: "templates".into(),
        name: name.into(),
    }
}

/// A Jinja template, made with [`template`].
#[derive(Clone, Debug)]
pub struct Template {
    folder: std::path::PathBuf,
    name: String,
}

/// Marks that a [`Template`] is the renderer.
#[derive(Debug)]
pub struct ByTemplate;

impl Template {
    /// Reads the template and what it includes from `folder` instead.
    #[must_use]
    pub fn folder(self, folder: impl Into<std::path::PathBuf>) -> Self {
        Self {
            folder: folder.into(),
            ..self
        }
    }
}

impl<T: Serialize + 'static> IntoRenderer<T, ByTemplate> for Template {
    fn into_renderer(self, mime: &Mime) -> Renderer<T> {
        let Self { folder, name } = self;
        let escaping = escaping(mime);
        let environment = move || {
            let mut environment = Environment::new();
            environment.set_loader(path_loader(&folder));
            let escaping = escaping.clone();
            environment.set_auto_escape_callback(move |_| escaping.clone());
            // `errors.email` is undefined until that field is refused.
            environment.set_undefined_behavior(UndefinedBehavior::Chainable);
            environment
        };
        let render = move |environment: &Environment<'_>, data: &T, rendering: &Rendering| {
            let errors = rendering.refused().by_name();
            let page = environment
                .get_template(&name)?
                .render(context! { data => Serde(data), errors => Serde(errors) })?;
            Ok(page.into())
        };
        if cfg!(debug_assertions) {
            return Renderer::new(move |data, rendering| render(&environment(), data, rendering));
        }
        let environment = environment();
        Renderer::new(move |data, rendering| render(&environment, data, rendering))
    }
}

/// How values are escaped in a page of `mime`. The words of the media type decide, so that `application/vnd.example+xml` is
/// XML, too.
fn escaping(mime: &Mime) -> AutoEscape {
    let is_one_of = |known: &[&str]| {
        let mut words = mime
            .essence()
            .split(|character: char| !character.is_ascii_alphanumeric());
        words.any(|word| known.contains(&word))
    };
    if is_one_of(&["html", "xhtml", "xml", "svg", "xsl"]) {
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
