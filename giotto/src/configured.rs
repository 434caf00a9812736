//! An application with the configuration: its cache, and what it tells caches downstream.
//!
//! Before the first request; `run.rs` does it, or an application that has a server of its own.

use std::borrow::Cow;
use std::ffi::OsString;
use std::sync::Arc;

use serde::de::DeserializeOwned;

use crate::app::{App, Configured, Stores};
use crate::config::{Config, configure, flags_of};
use crate::error::{Error, Result};
use crate::request::{HTTP_GET, Segments};

/// The settings of an application that has a server of its own: the table `[app]` of the configuration that
/// [`App::configured`] reads, and the variables `GIOTTO_APP_..`, as serde reads them into an `S`. With [`run_with`], giotto
/// reads them itself.
///
/// ```no_run
/// use giotto::prelude::*;
///
/// #[derive(Deserialize)]
/// struct Settings {
///     database: String,
/// }
///
/// fn app(settings: &Settings) -> Result<App, Error> {
/// #   let _ = &settings.database;
///     Ok(App::new(Manifest::default()))
/// }
///
/// let service = app(&giotto::settings()?)?.configured()?.into_service()?;
/// # let _ = service;
/// # Ok::<(), Error>(())
/// ```
///
/// # Errors
///
/// A key that is unknown, missing or of another type, its place, and the remedy.
///
/// [`run_with`]: crate::run_with
pub fn settings<S: DeserializeOwned>() -> Result<S> {
    settings_with(std::iter::empty::<OsString>())
}

/// The same with the flags of [`App::configured_with`].
///
/// # Errors
///
/// As of [`settings`], and if a flag is not `--config`, `--profile` or `--set`.
pub fn settings_with<S, F>(flags: impl IntoIterator<Item = F>) -> Result<S>
where
    S: DeserializeOwned,
    F: Into<OsString>,
{
    let matches = flags_of(flags.into_iter().map(Into::into))?;
    configure(&[&matches])?.app_settings()
}

impl App {
    /// The same with the configuration that [`run`](crate::run()) reads: `giotto.toml`, or the file that `GIOTTO_CONFIG` names,
    /// and the variables. It is for an application in a server of its own; its command line is run without it.
    ///
    /// ```no_run
    /// use giotto::prelude::*;
    ///
    /// fn application() -> App {
    ///     App::new(Manifest::default())
    /// }
    ///
    /// fn main() -> ExitCode {
    ///     if std::env::args().nth(1).as_deref() == Some("cmd") {
    ///         return giotto::run(application());
    ///     }
    ///     match application().configured().and_then(App::into_service) {
    ///         Ok(service) => serve(service),
    ///         Err(error) => {
    ///             eprintln!("{error}");
    ///             ExitCode::from(2)
    ///         }
    ///     }
    /// # }
    /// # fn serve(_: giotto::Service) -> ExitCode {
    /// #    ExitCode::SUCCESS
    /// }
    /// ```
    ///
    /// So both use the same cache, with the same keys. The settings of the server, such as `http.port`, and of the log are not used:
    /// the server, the subscriber of log lines and the access log are those of the application.
    ///
    /// # Errors
    ///
    /// What is wrong with a setting, its place, and the remedy. So is a second call.
    pub fn configured(self) -> Result<Self> {
        self.configured_with(std::iter::empty::<OsString>())
    }

    /// The same with flags of [`run`](crate::run()): `["--config", "shop.toml", "--profile", "production"]`. They override the
    /// file and the variables.
    ///
    /// # Errors
    ///
    /// As of [`configured`](Self::configured), and if a flag is not `--config`, `--profile` or `--set`.
    pub fn configured_with<S>(self, flags: impl IntoIterator<Item = S>) -> Result<Self>
    where
        S: Into<OsString>,
    {
        self.check_unconfigured("the configuration is read once")?;
        let matches = flags_of(flags.into_iter().map(Into::into))?;
        let config = configure(&[&matches])?;
        config.tell();
        let mut app = self.with_config(&config)?;
        app.warn();
        app.configured = Some(Configured {
            debug: config.debug,
            replaced: None,
        });
        Ok(app)
    }

    /// Refuses an application that has the configuration already.
    pub(crate) fn check_unconfigured(&self, reason: &str) -> Result<()> {
        match self.configured {
            None => Ok(()),
            Some(_) => Err(Error::configuration(format!(
                "the application is configured twice, {reason}: remove App::configured() there"
            ))),
        }
    }

    /// The same with the cache of the configuration, and what it tells caches downstream.
    pub(crate) fn with_config(self, config: &Config) -> Result<Self> {
        let store_is_configured = !self.cache_is_given();
        let site = config.site(self.site())?;
        let mut app = self.with_configured_cache(config)?.at(site);
        app.proxies = Arc::new(config.log.proxies.clone());
        app.stores = Some(Stores::new(config.opener()));
        app.set_budgets(config)?;
        let app = match config.compression {
            true => app,
            false => app.compression(false),
        };
        let app = match &config.tag_fields {
            Some(names) => app.tag_fields(names),
            None => app,
        };
        let app = app.with_public_health(config.health);
        let app = app.with_sockets(config.sockets(), store_is_configured);
        #[cfg(not(feature = "session"))]
        config.check_no_sessions()?;
        #[cfg(feature = "session")]
        let app = match app.given_sessions().cloned() {
            Some(sessions) => app.sessions(config.sessions(&sessions)?),
            None => app,
        };
        let downstream = config.downstream()?.into_iter();
        Ok(downstream.fold(app, Self::tell))
    }

    /// The same with the cache of the configuration, unless its code gave it one.
    fn with_configured_cache(self, config: &Config) -> Result<Self> {
        if self.cache_is_given() {
            return match config.signing_keys.is_empty() {
                true => Ok(self),
                false => Err(Error::configuration(
                    "signing_key is set, but the application brings its own cache: give that cache the keys with \
                     Cache::builder(..).signing_keys(..), and remove the setting",
                )),
            };
        }
        Ok(match config.open_cache()? {
            Some(cache) => self.with_cache(cache),
            None => self,
        })
    }

    /// Warns of what is missing in the configuration.
    pub(crate) fn warn(&self) {
        self.warn_without_cache();
        self.warn_without_tags();
        self.warn_of_ambiguous_base();
    }

    /// Warns of a program whose path is that of the base: a redirection to it looks like one with the base.
    fn warn_of_ambiguous_base(&self) {
        let base = self.site().base();
        let path: Segments<'_> = base.split('/').skip(1).map(Cow::from).collect();
        if self.site().has_base() && self.manifest().named(&path, HTTP_GET).is_some() {
            tracing::warn!(
                base,
                "a program is called as http.base: a redirection to a path that begins with it is sent as it is; make such \
                 addresses with url_for"
            );
        }
    }

    /// Warns that programs with `.cache(..)` are not cached, unless the configuration or the code says so.
    fn warn_without_cache(&self) {
        let programs = self.manifest().programs(HTTP_GET);
        let cached = programs
            .iter()
            .filter(|program| program.cache_policy().is_some());
        let cached = cached.count();
        if !self.cache_is_given() && cached > 0 {
            tracing::warn!(
                programs = cached,
                "no cache is configured: the models of these programs run for every request; write cache = \"locmem\" into \
                 giotto.toml, or cache = \"dummy\" if nothing is to be cached"
            );
        }
    }

    /// Warns that purges would find no page downstream.
    fn warn_without_tags(&self) {
        if self.tells_downstream() && !self.has_tag_fields() {
            tracing::warn!(
                "invalidations are sent downstream, but pages do not carry their tags, so a purge matches no page: write \
                 tag_fields = [\"Cache-Tag\"], or the name that the cache downstream reads, under [http] into giotto.toml"
            );
        }
    }
}
