//! The settings of `#[cached(..)]`, as they are written.
//!
//! They become a policy, tags and a name.

use proc_macro2::{Span, TokenStream as Tokens};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Error, Expr, ExprArray, Ident, LitStr, Result, Token};

/// Those that are methods of a policy.
const OF_POLICY: [&str; 9] = [
    "stale_while_revalidate",
    "stale_if_error",
    "throttle",
    "soft_timeout",
    "hard_timeout",
    "negative",
    "early_refresh",
    "jitter",
    "version",
];

#[derive(Default)]
pub(super) struct Settings {
    pub(super) cache: Option<Expr>,
    pub(super) name: Option<LitStr>,
    pub(super) tags: Vec<Expr>,
    pub(super) is_independent: bool,
    pub(super) key_self: Option<Span>,
    pub(super) negative_errors: Option<Expr>,
    base: Option<Base>,
    of_policy: Vec<(Ident, Expr)>,
}

/// How long a result is fresh.
enum Base {
    Seconds(Expr),
    Forever,
    Policy(Expr),
}

impl Parse for Settings {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let (mut settings, mut seen) = (Self::default(), Vec::new());
        while !input.is_empty() {
            let name: Ident = input.parse()?;
            if seen.contains(&name) {
                return Err(Error::new(name.span(), format!("`{name}` is set twice")));
            }
            settings.set(&name, input)?;
            seen.push(name);
            if !input.is_empty() {
                input.parse::<Token![,]>()?;
            }
        }
        match settings.base {
            Some(_) => Ok(settings),
            None => Err(Error::new(
                Span::call_site(),
                "how long is a result fresh? Say `seconds = 60`, `forever`, or `policy = ..`",
            )),
        }
    }
}

impl Settings {
    fn set(&mut self, name: &Ident, input: ParseStream<'_>) -> Result<()> {
        let text = name.to_string();
        match text.as_str() {
            "forever" => return self.set_base(name, Base::Forever),
            "independent" => {
                self.is_independent = true;
                return Ok(());
            }
            "key_self" => {
                self.key_self = Some(name.span());
                return Ok(());
            }
            _ => {}
        }
        if !is_known(&text) {
            let message = format!(
                "there is no setting `{text}`; the settings are seconds, forever, policy, {}, name, cache, tags, key_self, independent and \
                 negative_errors",
                OF_POLICY.join(", ")
            );
            return Err(Error::new(name.span(), message));
        }
        input.parse::<Token![=]>()?;
        match text.as_str() {
            "seconds" => return self.set_base(name, Base::Seconds(input.parse()?)),
            "policy" => return self.set_base(name, Base::Policy(input.parse()?)),
            "cache" => self.cache = Some(input.parse()?),
            "name" => self.name = Some(input.parse()?),
            "tags" => self.tags = input.parse::<ExprArray>()?.elems.into_iter().collect(),
            "negative_errors" => self.negative_errors = Some(input.parse()?),
            _ => self.of_policy.push((name.clone(), input.parse()?)),
        }
        Ok(())
    }

    fn set_base(&mut self, name: &Ident, base: Base) -> Result<()> {
        match self.base.replace(base) {
            None => Ok(()),
            Some(_) => Err(Error::new(
                name.span(),
                "`seconds`, `forever` and `policy` say the same: give one of them",
            )),
        }
    }

    /// The policy, checked when the function is called.
    pub(super) fn policy(&self, root: &Tokens) -> Tokens {
        let base = match &self.base {
            Some(Base::Seconds(seconds)) => {
                quote_spanned!(seconds.span()=> #root::Policy::seconds(#seconds))
            }
            Some(Base::Policy(policy)) => quote!(#root::Policy::clone(&#policy)),
            Some(Base::Forever) | None => quote!(#root::Policy::forever()),
        };
        let (names, values): (Vec<_>, Vec<_>) = self
            .of_policy
            .iter()
            .map(|(name, value)| (name, value))
            .unzip();
        quote!(#base #(.#names(#values))*)
    }

    /// Where the hard timeout is set.
    pub(super) fn hard_timeout(&self) -> Option<Span> {
        let mut names = self.of_policy.iter().map(|(name, _)| name);
        names.find(|name| *name == "hard_timeout").map(Ident::span)
    }
}

fn is_known(name: &str) -> bool {
    let others = [
        "seconds",
        "policy",
        "cache",
        "name",
        "tags",
        "negative_errors",
    ];
    others.contains(&name) || OF_POLICY.contains(&name)
}
