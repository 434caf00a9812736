//! Jinja templates as renderers.
//!
//! The last step of an invocation, for views that are written in files.

use minijinja::value::Serde;
use minijinja::{Environment, context, path_loader};
use serde::Serialize;

use super::{IntoRenderer, Renderer};
use crate::error::InvalidInput;

/// Renders the file `name` of the folder `templates/` with `data`, what the model computed, and `errors`,
/// the refused fields of a POST: `errors.email.message`.
///
/// In debug builds a changed file is seen at once.
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
    fn into_renderer(self) -> Renderer<T> {
        let Self { folder, name } = self;
        let environment = move || {
            let mut environment = Environment::new();
            environment.set_loader(path_loader(&folder));
            environment
        };
        let render = move |environment: &Environment<'_>, data: &T, errors: &InvalidInput| {
            let page = environment
                .get_template(&name)?
                .render(context! { data => Serde(data), errors => Serde(errors.by_name()) })?;
            Ok(page.into())
        };
        if cfg!(debug_assertions) {
            return Box::new(move |data, errors| render(&environment(), data, errors));
        }
        let environment = environment();
        Box::new(move |data, errors| render(&environment, data, errors))
    }
}
