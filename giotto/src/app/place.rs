//! Where an application answers, and the addresses of what it answers.
//!
//! Set before the first request. Models ask for addresses in step 6 of an invocation.

use serde::Serialize;

use super::App;
use crate::address::Addresses;
use crate::error::{Error, Result};
use crate::site::Site;
use crate::state::State;

impl App {
    /// Answers below the path `base`, such as `/library`, for a reverse proxy that has other applications beside this one. The
    /// setting `http.base` replaces it.
    ///
    /// Requests arrive with the base, unless the setting `http.proxy_strips_base` says that the proxy removes it; others are
    /// 404. All addresses that giotto makes begin with it: [`url_for`](Self::url_for) and [`url`](Self::url), static files,
    /// the `Location` of responses, the path of cookies. Programs, axum's routes and layers see the path without it.
    ///
    /// ```
    /// use giotto::prelude::*;
    ///
    /// let program = Program::new(|_: Nothing| ()).view(View::new().html(|_: &()| ""));
    /// # #[derive(Serialize, Deserialize)]
    /// # struct Nothing {}
    /// let app = App::new(Manifest::new([("books", program)])).base("/library");
    /// assert_eq!(app.url_for("books", ())?, "/library/books");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// A base that is no path is refused at the start.
    #[must_use]
    pub fn base(self, base: impl AsRef<str>) -> Self {
        let site = self.site.clone().with_base(base.as_ref());
        self.replacing("base").placed("App::base", site)
    }

    /// Has absolute addresses begin with `origin`, a scheme and a host such as `https://example.org`. The setting `http.origin`
    /// replaces it.
    ///
    /// It is no part of a request: a stored page is for many clients, each of which may send any `Host`.
    ///
    /// An origin that is none is refused at the start.
    #[must_use]
    pub fn origin(self, origin: impl AsRef<str>) -> Self {
        let site = self.site.clone().with_origin(origin.as_ref());
        self.replacing("origin").placed("App::origin", site)
    }

    fn placed(mut self, method: &str, site: Result<Site, &'static str>) -> Self {
        match site {
            Ok(site) => self.at(site),
            Err(problem) => {
                let error = || Error::configuration(format!("{method}: expected {problem}"));
                self.site_error.get_or_insert_with(error);
                self
            }
        }
    }

    /// The same at `site`.
    pub(crate) fn at(self, site: Site) -> Self {
        let addresses = self.manifest.addresses(&site);
        let states = self.states.clone().keep(addresses).keep(site.clone());
        let app = Self {
            states,
            site,
            ..self
        };
        #[cfg(feature = "static")]
        let app = app.with_files_below_base();
        app
    }

    /// Has the addresses of static files begin with the base.
    #[cfg(feature = "static")]
    fn with_files_below_base(mut self) -> Self {
        if let Some(assets) = &mut self.beside.assets {
            assets.set_base(self.site.base());
            self.states = self.states.keep(assets.clone());
        }
        self
    }

    /// Where it answers.
    pub(crate) const fn site(&self) -> &Site {
        &self.site
    }

    fn addresses(&self) -> State<Addresses> {
        let addresses = self.states.find::<Addresses>();
        addresses.expect("an App makes them of its manifest")
    }

    /// The address of the program at `path` in the manifest, for links and redirections. `arguments` are pairs of names and
    /// values, a struct, or `()` for none.
    ///
    /// Required arguments are segments of the path, in declared order; the others are in the query. The last name of `path` may
    /// have a format, such as `books.json`. The address begins with a slash, or with the [base](Self::base), and is percent-encoded.
    ///
    /// ```
    /// use giotto::prelude::*;
    ///
    /// #[model]
    /// fn show_book(id: u64, review: Option<u64>) -> String {
    ///     format!("{id} {review:?}")
    /// }
    ///
    /// let program = Program::new(show_book).view(BasicView::new());
    /// let app = App::new(Manifest::new([("book", program)]));
    /// assert_eq!(app.url_for("book", [("id", 7)])?, "/book/7");
    /// assert_eq!(app.url_for("book.json", [("id", 7), ("review", 2)])?, "/book.json/7?review=2");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If there is no such program, if it does not answer over HTTP, or if an argument is unknown or missing. A program with
    /// input middleware may get an argument from it, so that none is missing there.
    pub fn url_for(&self, path: &str, arguments: impl Serialize) -> Result<String> {
        let addresses = self.addresses();
        addresses.url_for(path, &serde_json::to_value(arguments)?)
    }

    /// The same with the [origin](Self::origin), for what is read elsewhere: mails, feeds, `rel=canonical`.
    ///
    /// ```
    /// # use giotto::prelude::*;
    /// # #[model]
    /// # fn show_book(id: u64) -> u64 {
    /// #     id
    /// # }
    /// # let program = Program::new(show_book).view(BasicView::new());
    /// # let manifest = Manifest::new([("book", program)]);
    /// let app = App::new(manifest).origin("https://example.org").base("/library");
    /// let address = app.absolute_url_for("book", [("id", 7)])?;
    /// assert_eq!(address, "https://example.org/library/book/7");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As of [`url_for`](Self::url_for), and if there is no origin.
    pub fn absolute_url_for(&self, path: &str, arguments: impl Serialize) -> Result<String> {
        self.site.absolute(&self.url_for(path, arguments)?)
    }

    /// The address of a `path` that is not one of a program, such as a route of axum: `app.url("/admin/cover/7")` has the
    /// [base](Self::base) in front, unless the path has it already.
    ///
    /// # Errors
    ///
    /// If `path` does not begin with one slash.
    pub fn url(&self, path: &str) -> Result<String> {
        self.site.url(path)
    }

    /// The same with the [origin](Self::origin). It takes the address of a static file, too.
    ///
    /// # Errors
    ///
    /// As of [`url`](Self::url), and if there is no origin.
    pub fn absolute_url(&self, path: &str) -> Result<String> {
        self.site.absolute(path)
    }
}
