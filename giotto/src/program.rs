//! A program: a model, a view, and who may ask for them.
//!
//! Steps 2 to 8 of an invocation ask it for its parameters, its media types, its cache policy, and on a
//! miss to render.

use std::fmt;
use std::marker::PhantomData;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use giotto_cache::{IntoPolicy, Key, Policy};

use crate::arguments::{self, Arguments, Parameter, Parameters, Typed, parameters};
use crate::error::{Error, InvalidInput, Result};
use crate::model::{Call, Context, Documentation, Model};
use crate::rendered::Rendered;
use crate::request::{CMD, Controller, Request, Value};
use crate::view::{Mime, View};

/// A model and a view under one name, answering over the controllers that it names.
///
/// `Program::new(model)` is incomplete (`Program<Bare<T, A>>`) until [`view`](Program::view) gives it the
/// view of what the model computes; then it is a `Program`, whatever the model, and can enter a
/// [`Manifest`](crate::Manifest). Everything else can be said before or after.
pub struct Program<S = Ready> {
    settings: Settings,
    stage: S,
}

/// The stage of a [`Program`] that has a model but no view yet. `T` is what the model computes, `A` the struct of its
/// arguments.
pub struct Bare<T, A> {
    model: Arc<dyn ErasedModel<T>>,
    mock: Option<Arc<T>>,
    arguments: PhantomData<fn(A)>,
}

/// The stage of a [`Program`] that can run.
pub struct Ready {
    parameters: Parameters,
    documentation: Documentation,
    sets_time: bool,
    mimes: Vec<Mime>,
    /// The end of the keys of its pages, for each of the media types.
    keys: Vec<Key>,
    runner: Box<dyn Run>,
}

#[derive(Default)]
struct Settings {
    path: String,
    controllers: Vec<Controller>,
    cache: Option<Policy>,
    version: u32,
    tags: Option<Tags>,
    invalidates: Option<Tags>,
    description: Option<String>,
    collects: Option<&'static str>,
    input: Vec<InputMiddleware>,
    output: Vec<OutputMiddleware>,
    error: Option<Error>,
}

/// The tags of an invocation, by its arguments.
type Tags = Box<dyn Fn(&Typed) -> Vec<String> + Send + Sync>;
pub(crate) type InputMiddleware = Box<dyn Fn(&mut Request<'_>) -> Result<()> + Send + Sync>;
type OutputMiddleware = Box<dyn Fn(&Request<'_>, &mut Rendered) -> Result<()> + Send + Sync>;

/// A page that is yet to come.
pub(crate) type Pending = Pin<Box<dyn Future<Output = Result<Bytes>> + Send>>;

/// What stands in for the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Model,
    Mock,
}

impl<T: Send + Sync + 'static, A: Send + 'static> Program<Bare<T, A>> {
    /// A program that runs `model`: a function marked `#[model]`, or any that takes one struct of arguments.
    #[must_use]
    pub fn new<M>(model: impl Model<M, Arguments = A, Output = T>) -> Self
    where
        M: 'static,
    {
        let stage = Bare {
            model: Arc::new(Erased {
                model,
                marker: PhantomData,
            }),
            mock: None,
            arguments: PhantomData,
        };
        let mut program = Self {
            settings: Settings::default(),
            stage,
        };
        if std::any::type_name::<T>().starts_with("core::result::Result<") {
            let message = "the error of the model's Result is a value like any other: let it implement \
                           std::error::Error, or return giotto::Error";
            program.settings.error = Some(Error::configuration(message));
        }
        program
    }

    /// What is shown instead of the model's result when the application runs with `--model-mock`.
    #[must_use]
    pub fn mock(mut self, value: T) -> Self {
        self.stage.mock = Some(Arc::new(value));
        self
    }

    /// Tags of a page, by its arguments: `.tags(|args| [format!("user:{}", args.user)])`. Invalidating one of them,
    /// with [`invalidates`](Self::invalidates) or [`Cache::invalidate`](giotto_cache::Cache::invalidate), makes the
    /// page old.
    #[must_use]
    pub fn tags<I>(mut self, tags: impl Fn(&A) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.settings.tags = Some(erased(tags));
        self
    }

    /// Tags that are invalidated when the model has succeeded, by its arguments, before its caller is answered: for
    /// programs that write.
    #[must_use]
    pub fn invalidates<I>(mut self, tags: impl Fn(&A) -> I + Send + Sync + 'static) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.settings.invalidates = Some(erased(tags));
        self
    }

    /// How the model's result is shown.
    #[must_use]
    pub fn view(self, view: View<T>) -> Program {
        let Self {
            mut settings,
            stage,
        } = self;
        let (documentation, sets_time) = (stage.model.documentation(), stage.model.sets_time());
        let parameters = stage.model.parameters().unwrap_or_else(|error| {
            settings.error.get_or_insert(error);
            Parameters::default()
        });
        if let Some(error) = view.error() {
            settings.error.get_or_insert(error);
        }
        let mimes = view.mimes();
        let runner = Box::new(Runner {
            model: stage.model,
            mock: stage.mock,
            view: Arc::new(view),
        });
        Program {
            settings,
            stage: Ready {
                parameters,
                documentation,
                sets_time,
                mimes,
                keys: Vec::new(),
                runner,
            },
        }
    }
}

impl<S> Program<S> {
    /// Answers these controllers only; a program that names none answers all.
    #[must_use]
    pub fn controllers(mut self, controllers: impl IntoIterator<Item = Controller>) -> Self {
        self.settings.controllers = controllers.into_iter().collect();
        self
    }

    /// Keeps rendered pages for so many seconds (or a `Duration`, or as a [`Policy`] says); `0` = they never expire,
    /// `None` = off.
    #[must_use]
    pub fn cache(mut self, policy: impl IntoPolicy) -> Self {
        match policy.into_policy() {
            Ok(policy) => {
                let version = self.settings.version;
                self.settings.cache = policy.map(|policy| match version {
                    0 => policy,
                    _ => policy.version(version),
                });
            }
            Err(error) => self.settings.error = Some(Error::configuration(error.to_string())),
        }
        self
    }

    /// The version of what the program computes and shows; 0 if not set. Pages of another version are not served as
    /// fresh, and as old ones only under a policy with [`stale_versions`](Policy::stale_versions).
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.settings.version = version;
        self.settings.cache = self.settings.cache.map(|policy| policy.version(version));
        self
    }

    /// What the program does, where the model's own documentation does not say it well.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.settings.description = Some(description.into());
        self
    }

    /// Gives all arguments that the program does not declare, in the order given, to its parameter `name`, as
    /// the words of another invocation: `squared`, `x=12`.
    pub(crate) fn collects(mut self, name: &'static str) -> Self {
        self.settings.collects = Some(name);
        self
    }

    /// Runs `check` before arguments are bound and the cache is asked, on every request. It may refuse the
    /// request with an error or a redirection, or [set](Request::set) arguments, such as the signed-in user.
    #[must_use]
    pub fn input_middleware<F>(mut self, check: F) -> Self
    where
        F: Fn(&mut Request<'_>) -> Result<()> + Send + Sync + 'static,
    {
        self.settings.input.push(Box::new(check));
        self
    }

    /// Runs `finish` on every page, whether it was computed or found in the cache. What it changes is
    /// never stored.
    #[must_use]
    pub fn output_middleware<F>(mut self, finish: F) -> Self
    where
        F: Fn(&Request<'_>, &mut Rendered) -> Result<()> + Send + Sync + 'static,
    {
        self.settings.output.push(Box::new(finish));
        self
    }
}

impl Program {
    /// The path in the manifest: its name in messages and in keys.
    pub(crate) fn path(&self) -> &str {
        &self.settings.path
    }

    /// Puts the program under `name` of a manifest.
    pub(crate) fn enter(&mut self, name: &str) {
        let path = &mut self.settings.path;
        *path = if path.is_empty() {
            name.to_owned()
        } else {
            format!("{name}/{path}")
        };
        let key = |mime: &Mime| Key::new(path, "", mime.essence());
        self.stage.keys = self.stage.mimes.iter().map(key).collect();
    }

    /// The key of its page under these arguments, as the literal that they make, in `mime`.
    pub(crate) fn key(&self, arguments: String, mime: &Mime) -> Key {
        let Ready { mimes, keys, .. } = &self.stage;
        match mimes.iter().zip(keys).find(|(own, _)| *own == mime) {
            Some((_, key)) => key.with_arguments(arguments),
            None => Key::new(self.path(), arguments, mime.essence()),
        }
    }

    /// What is wrong with it.
    pub(crate) fn error(&self) -> Option<Error> {
        let Settings {
            cache,
            version,
            tags,
            invalidates,
            error,
            ..
        } = &self.settings;
        let contradiction = match cache {
            None if tags.is_some() => {
                Some("it has tags but no cache: give it .cache(..), or leave the tags out")
            }
            None if *version > 0 => {
                Some("it has a version but no cache: give it .cache(..), or leave the version out")
            }
            Some(_) if invalidates.is_some() => Some(
                "it invalidates tags, but a cached page does not run its model: leave out .cache(..) or .invalidates(..)",
            ),
            _ => None,
        };
        error
            .clone()
            .or_else(|| contradiction.map(Error::configuration))
    }

    /// What it takes, in declared order.
    #[must_use]
    pub fn parameters(&self) -> &[Parameter] {
        &self.stage.parameters.all
    }

    /// Refuses a name that is not known where that is a mistake: of the hand, on the command line, and everywhere if
    /// the struct of the arguments says so. Otherwise HTTP ignores it.
    pub(crate) fn check_names(&self, request: &Request<'_>) -> Result<()> {
        match request.controller == CMD || self.stage.parameters.denies_unknown {
            true => arguments::check_known(self.parameters(), request),
            false => Ok(()),
        }
    }

    /// What it does, in the words of its author; may be empty.
    #[must_use]
    pub fn about(&self) -> &str {
        self.settings
            .description
            .as_deref()
            .unwrap_or(self.stage.documentation.model)
    }

    /// The media types that it renders, the preferred one first.
    #[must_use]
    pub fn mimes(&self) -> &[Mime] {
        &self.stage.mimes
    }

    /// Whether the colours in its pages of `mime` may be its author's, and not its data's.
    pub(crate) fn is_styled(&self, mime: &Mime) -> bool {
        self.stage.runner.is_styled(mime)
    }

    /// How long its pages are kept; `None` = they are not.
    #[must_use]
    pub fn cache_policy(&self) -> Option<&Policy> {
        self.settings.cache.as_ref()
    }

    /// Whether its model may set how long a page is fresh, so that a stored one may live longer than the policy says.
    pub(crate) const fn sets_time(&self) -> bool {
        self.stage.sets_time
    }

    /// The tags of its pages under these arguments, known before they are computed.
    pub(crate) fn tags_of(&self, typed: &Typed) -> Result<Vec<String>> {
        tags(self.settings.tags.as_ref(), typed)
    }

    /// The tags that running it under these arguments invalidates.
    pub(crate) fn invalidated_by(&self, typed: &Typed) -> Result<Vec<String>> {
        tags(self.settings.invalidates.as_ref(), typed)
    }

    pub(crate) fn answers(&self, controller: Controller) -> bool {
        self.settings.controllers.is_empty() || self.settings.controllers.contains(&controller)
    }

    /// Whether a page depends on more than its arguments: middleware may have refused it to others, set an argument
    /// from a field of the request, or changed the page.
    pub(crate) fn is_guarded(&self) -> bool {
        !self.settings.input.is_empty() || !self.settings.output.is_empty()
    }

    /// The parameter that takes what the others do not.
    pub(crate) fn collector(&self) -> Option<&'static str> {
        self.settings.collects
    }

    /// Gives the path's segments from `consumed` on, and all names that are not the program's own, to the
    /// parameter that takes them, if there is one.
    pub(crate) fn collect(&self, consumed: usize, request: &mut Request<'_>) {
        let Some(collector) = self.settings.collects else {
            return;
        };
        let is_own = |given: &str| {
            let mut parameters = self.parameters().iter();
            parameters.any(|parameter| parameter.is_called(given))
        };
        let segments: Vec<_> = request.path.drain(consumed..).collect();
        let mut words: Vec<_> = segments.into_iter().map(Value::Text).collect();
        request.data.retain(|(name, value)| {
            let is_own = is_own(name);
            if !is_own {
                let word = match value {
                    Value::Json(json) if json.is_string() => {
                        format!("{name}={}", json.as_str().unwrap_or_default())
                    }
                    value => format!("{name}={value}"),
                };
                words.push(Value::Text(word.into()));
            }
            is_own
        });
        let words = words.into_iter().map(|word| (collector.into(), word));
        request.data.extend(words);
    }

    /// Has `check` run before the program's own middleware.
    pub(crate) fn guard(&mut self, check: InputMiddleware) {
        self.settings.input.insert(0, check);
    }

    pub(crate) fn admit(&self, request: &mut Request<'_>) -> Result<()> {
        let mut input = self.settings.input.iter();
        unwound("middleware", || input.try_for_each(|check| check(request)))
    }

    /// Binds the path's segments from `consumed` on and the request's named values.
    pub(crate) fn bind(&self, consumed: usize, request: &Request<'_>) -> Result<Arguments> {
        unwound("the reading of an argument", || {
            let runner = &self.stage.runner;
            runner.bind(self.parameters(), consumed, request)
        })
    }

    /// Runs the model, then the view, which is also told what was `refused`.
    pub(crate) fn render(
        &self,
        typed: Typed,
        mime: Mime,
        source: Source,
        refused: InvalidInput,
        context: &Context,
    ) -> Pending {
        let runner = &self.stage.runner;
        let rendered = runner.render(typed, mime, source, refused, context);
        rendered.unwrap_or_else(|| {
            let path = self.path();
            let message =
                format!("{path} has no mock: add .mock(..) to it, or run without --model-mock");
            Box::pin(std::future::ready(Err(Error::other(message))))
        })
    }

    pub(crate) fn finish(&self, request: &Request<'_>, rendered: &mut Rendered) -> Result<()> {
        if self.is_guarded() {
            rendered.make_private();
        }
        let mut output = self.settings.output.iter();
        unwound("middleware", || {
            output.try_for_each(|finish| finish(request, rendered))
        })
    }
}

/// Runs `what`, code of the application; a panic in it is an error of the request, not the end of the
/// caller's connection.
fn unwound<T>(what: &str, run: impl FnOnce() -> Result<T>) -> Result<T> {
    catch_unwind(AssertUnwindSafe(run)).unwrap_or_else(|_| {
        let message = format!("{what} panicked; its message is in the log");
        Err(Error::other(message))
    })
}

fn erased<A: 'static, I>(tags: impl Fn(&A) -> I + Send + Sync + 'static) -> Tags
where
    I: IntoIterator<Item: Into<String>>,
{
    Box::new(move |typed| tags(typed.as_ref()).into_iter().map(Into::into).collect())
}

fn tags(tags: Option<&Tags>, typed: &Typed) -> Result<Vec<String>> {
    match tags {
        None => Ok(Vec::new()),
        Some(tags) => unwound("the closure that names the tags", || Ok(tags(typed))),
    }
}

/// A model whose function type and arguments are erased.
trait ErasedModel<T>: Send + Sync {
    fn bind(
        &self,
        parameters: &[Parameter],
        consumed: usize,
        request: &Request<'_>,
    ) -> Result<Arguments>;
    fn call(&self, arguments: Typed, context: &Context) -> Call<T>;
    fn parameters(&self) -> Result<Parameters>;
    fn documentation(&self) -> Documentation;
    fn sets_time(&self) -> bool;
}

struct Erased<F, M> {
    model: F,
    marker: PhantomData<fn() -> M>,
}

impl<F: Model<M>, M: 'static> ErasedModel<F::Output> for Erased<F, M> {
    fn bind(
        &self,
        parameters: &[Parameter],
        consumed: usize,
        request: &Request<'_>,
    ) -> Result<Arguments> {
        arguments::bind::<F::Arguments>(parameters, &request.path[consumed..], request)
    }

    fn call(&self, arguments: Typed, context: &Context) -> Call<F::Output> {
        self.model.call(arguments.downcast(), context)
    }

    fn parameters(&self) -> Result<Parameters> {
        parameters::<F::Arguments>(self.model.documentation().parameters)
    }

    fn documentation(&self) -> Documentation {
        self.model.documentation()
    }

    fn sets_time(&self) -> bool {
        self.model.sets_time()
    }
}

/// A model and a view whose common type is erased.
trait Run: Send + Sync {
    fn bind(
        &self,
        parameters: &[Parameter],
        consumed: usize,
        request: &Request<'_>,
    ) -> Result<Arguments>;

    fn is_styled(&self, mime: &Mime) -> bool;

    /// `None` if a mock is asked for and there is none.
    fn render(
        &self,
        typed: Typed,
        mime: Mime,
        source: Source,
        refused: InvalidInput,
        context: &Context,
    ) -> Option<Pending>;
}

struct Runner<T> {
    model: Arc<dyn ErasedModel<T>>,
    mock: Option<Arc<T>>,
    view: Arc<View<T>>,
}

impl<T: Send + Sync + 'static> Run for Runner<T> {
    fn bind(
        &self,
        parameters: &[Parameter],
        consumed: usize,
        request: &Request<'_>,
    ) -> Result<Arguments> {
        self.model.bind(parameters, consumed, request)
    }

    fn is_styled(&self, mime: &Mime) -> bool {
        self.view.is_styled(mime)
    }

    fn render(
        &self,
        typed: Typed,
        mime: Mime,
        source: Source,
        refused: InvalidInput,
        context: &Context,
    ) -> Option<Pending> {
        let view = Arc::clone(&self.view);
        match source {
            Source::Mock => {
                let mock = Arc::clone(self.mock.as_ref()?);
                Some(Box::pin(async move { view.render(&mime, &mock, &refused) }))
            }
            Source::Model => {
                let call = self.model.call(typed, context);
                Some(Box::pin(
                    call.then(move |data| view.render(&mime, data, &refused)),
                ))
            }
        }
    }
}

impl<S> fmt::Debug for Program<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program")
            .field("path", &self.settings.path)
            .field("controllers", &self.settings.controllers)
            .field("cache", &self.settings.cache)
            .finish_non_exhaustive()
    }
}

impl<T, A> fmt::Debug for Bare<T, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bare")
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ready")
            .field("mimes", &self.mimes)
            .finish_non_exhaustive()
    }
}
