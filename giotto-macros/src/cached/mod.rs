//! The attribute `#[cached]`: the body of a function becomes a computation of a cache.
//!
//! It runs when an application is compiled. The function keeps its signature; what is called with it is in
//! `giotto_cache::function::attribute`.

mod parameters;
mod settings;

use proc_macro2::{Ident, Span, TokenStream as Tokens, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Block, Error, Result, ReturnType, Signature, Type, Visibility};

use self::parameters::{Parameter, Receiver, check_owned, take_parameters};
use self::settings::Settings;

/// A free function or a method, wherever it stands.
pub(crate) struct Function {
    attributes: Vec<Attribute>,
    visibility: Visibility,
    signature: Signature,
    body: Block,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self {
            attributes: input.call(Attribute::parse_outer)?,
            visibility: input.parse()?,
            signature: input.parse()?,
            body: input.parse()?,
        })
    }
}

/// The function with the cache in front of it. `root` is the path of the crate giotto-cache.
pub(crate) fn expand(settings: Tokens, mut function: Function, root: &Tokens) -> Result<Tokens> {
    let settings: Settings = syn::parse2(settings)?;
    check(&function.signature)?;
    let (receiver, parameters) = take_parameters(&mut function.signature)?;
    let cache = cache(&settings, &function.signature, &parameters)?;
    if let (Some(key_self), None) = (settings.key_self, &receiver) {
        return Err(Error::new(
            key_self,
            "`key_self` is for a method: there is no self",
        ));
    }
    let output = match &function.signature.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let call = Call {
        root,
        settings: &settings,
        function: &function,
        receiver: receiver.as_ref(),
        parameters: &parameters,
        output: &output,
    };
    let (site, policy, arguments) = (call.site(), settings.policy(root), call.arguments());
    let (tags, compute) = (&settings.tags, call.compute());
    let run = call.run(&compute);
    let Function {
        attributes,
        visibility,
        signature,
        ..
    } = &function;
    Ok(quote! {
        #(#attributes)*
        #visibility #signature {
            // The compiler chooses by them.
            #[allow(unused_imports)]
            use #root::function::attribute::{IsCloned as _, IsMade as _, IsPlain as _, IsResult as _};
            let __giotto_cache: &#root::Cache = &#cache;
            #site
            let __giotto_function = #root::function::attribute::function(
                __giotto_cache,
                &__GIOTTO_SITE,
                &__giotto_name,
                #policy,
                ::std::vec![#(::std::convert::Into::<::std::string::String>::into(#tags)),*],
            );
            #arguments
            #run
        }
    })
}

/// Refuses what the body of a task of its own cannot be.
fn check(signature: &Signature) -> Result<()> {
    if signature.asyncness.is_none() {
        let message =
            "a cached function is async: the cache waits for its store and for other callers";
        return Err(Error::new(signature.fn_token.span(), message));
    }
    let generics = &signature.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        let message = "a cached function has no type parameters and no named lifetimes: write out its types, and \
                       leave the lifetimes of its references out";
        return Err(Error::new(generics.params.span(), message));
    }
    if let ReturnType::Type(_, ty) = &signature.output {
        check_owned(
            ty,
            "a cached function returns a value that it owns, which the cache can store",
        )?;
    }
    Ok(())
}

/// The cache, by the setting or by the parameter.
fn cache(settings: &Settings, signature: &Signature, parameters: &[Parameter]) -> Result<Tokens> {
    let mut own = parameters.iter().filter(|parameter| parameter.is_cache);
    match (&settings.cache, own.next()) {
        (Some(cache), _) => Ok(quote!((#cache))),
        (None, Some(Parameter { name, .. })) => Ok(quote!(#name)),
        (None, None) => Err(Error::new(
            signature.ident.span(),
            "which cache? Take a parameter `cache: &Cache`, or name one: `#[cached(cache = self.cache, ..)]`",
        )),
    }
}

/// What the parts of the expansion are made of.
struct Call<'e> {
    root: &'e Tokens,
    settings: &'e Settings,
    function: &'e Function,
    receiver: Option<&'e Receiver>,
    parameters: &'e [Parameter],
    output: &'e Tokens,
}

impl Call<'_> {
    /// Where the function is, and its name.
    fn site(&self) -> Tokens {
        let (root, ident) = (self.root, &self.function.signature.ident);
        let name = ident.to_string();
        let name = name.trim_start_matches("r#");
        let own_name = match (&self.settings.name, self.receiver) {
            (Some(name), _) => quote!(::std::borrow::Cow::Borrowed(#name)),
            (None, Some(_)) => quote!(__GIOTTO_SITE.method::<Self>(#name)),
            (None, None) => quote!(__GIOTTO_SITE.name()),
        };
        quote! {
            static __GIOTTO_SITE: #root::function::attribute::Site = #root::function::attribute::Site::new(
                ::core::concat!(::core::module_path!(), "::", #name),
                ::core::concat!(::core::file!(), ":", ::core::line!(), ":", ::core::column!()),
            );
            let __giotto_name: ::std::borrow::Cow<'static, str> = #own_name;
        }
    }

    /// What is in the key, under the names of the parameters.
    fn arguments(&self) -> Tokens {
        let root = self.root;
        let own = self.receiver.filter(|_| self.settings.key_self.is_some());
        let own = own.map(|_| {
            (
                "self".to_owned(),
                quote!(&*__giotto_itself),
                Span::call_site(),
            )
        });
        let given = self
            .parameters
            .iter()
            .filter(|parameter| parameter.is_argument());
        let given = given.map(|Parameter { name, ty, .. }| {
            let text = name.to_string();
            let text = text.trim_start_matches("r#").to_owned();
            let value = match ty {
                Type::Reference(_) => quote!(#name),
                _ => quote!(&#name),
            };
            (text, value, ty.span())
        });
        let all: Vec<_> = own.into_iter().chain(given).collect();
        let names = all.iter().map(|(name, ..)| name);
        let types: Vec<_> = (0..all.len())
            .map(|number| format_ident!("T{number}"))
            .collect();
        let fields: Vec<_> = (0..all.len())
            .map(|number| format_ident!("f{number}"))
            .collect();
        let values = all.iter().map(
            |(_, value, span)| quote_spanned!(*span=> #root::function::attribute::argument(#value)),
        );
        let serde = format!("{root}::function::attribute::serde").replace(' ', "");
        let lifetime = (!all.is_empty()).then(|| quote!('a,));
        let itself = self.receiver.filter(|_| self.settings.key_self.is_some());
        let itself = itself.map(|_| quote!(let __giotto_itself = &self;));
        quote! {
            #[derive(#root::function::attribute::serde::Serialize)]
            #[serde(crate = #serde)]
            struct __GiottoArguments<#lifetime #(#types: ?::core::marker::Sized),*> {
                #(#[serde(rename = #names)] #fields: &'a #types),*
            }
            #itself
            let __giotto_arguments = __GiottoArguments { #(#fields: #values),* };
        }
    }

    /// The computation, which owns all that it uses: what is borrowed is cloned for it, on a miss only.
    fn compute(&self) -> Tokens {
        let root = self.root;
        let owned = quote!(#root::function::attribute::owned);
        let mut clones = Vec::new();
        let mut values = Vec::new();
        let mut body = self.function.body.clone();
        if let Some(Receiver { is_borrowed }) = self.receiver {
            let value = match is_borrowed {
                true => quote!(#owned(self)),
                false => quote!(self),
            };
            clones.push(quote!(let __giotto_self = #value;));
            if *is_borrowed {
                values.push(quote!(let __giotto_self = &__giotto_self;));
            }
            let renamed = rename_self(quote!(#body));
            body = syn::parse2(renamed).unwrap_or(body);
        }
        for Parameter {
            name,
            ty,
            mutability,
            ..
        } in self.parameters
        {
            let value = match ty {
                Type::Reference(reference) => {
                    let ty = &reference.elem;
                    clones.push(quote_spanned!(ty.span()=> let #name = #owned::<#ty>(#name);));
                    quote!(&#name)
                }
                _ => quote!(#name),
            };
            values.push(quote!(let #mutability #name: #ty = #value;));
        }
        let (output, statements) = (self.output, &body.stmts);
        quote! {
            move || {
                #(#clones)*
                async move {
                    // Tells the compiler the type of the block, for its `?` and `return`.
                    #[allow(unreachable_code, clippy::diverging_sub_expression)]
                    if let ::core::option::Option::Some(__giotto_output) = ::core::option::Option::None::<#output> {
                        return __giotto_output;
                    }
                    #(#values)*
                    let __giotto_output: #output = { #(#statements)* };
                    #[allow(unreachable_code)]
                    __giotto_output
                }
            }
        }
    }

    /// The call.
    fn run(&self, compute: &Tokens) -> Tokens {
        let (root, output) = (self.root, self.output);
        let late = self
            .settings
            .hard_timeout()
            .map(|span| quote_spanned!(span=> let __giotto_errors = __giotto_errors.or_late();));
        let (key, call, negative) = match &self.settings.negative_errors {
            None => (quote!(key), quote!(call), None),
            Some(negative) => (
                quote!(key_storing),
                quote!(call_storing),
                Some(quote!(#negative,)),
            ),
        };
        let kind = quote_spanned! {output.span()=>
            let __giotto_kind = (&#root::function::attribute::Kind::<#output>::new()).kind();
            let __giotto_errors = (&__giotto_kind.errors()).errors();
        };
        quote! {
            #[allow(clippy::needless_borrow)]
            #kind
            #late
            let __giotto_key = __giotto_kind.#key(&__giotto_function, &__giotto_arguments);
            __giotto_kind.#call(__giotto_errors, __giotto_function, __giotto_key, #negative #compute).await
        }
    }
}

/// `tokens` with another name for `self`, which the task that computes has as a variable. `self::` is a path.
fn rename_self(tokens: Tokens) -> Tokens {
    let mut renamed = Vec::new();
    let mut rest = tokens.into_iter().peekable();
    while let Some(token) = rest.next() {
        renamed.push(match token {
            TokenTree::Group(group) => {
                let mut inner = proc_macro2::Group::new(group.delimiter(), rename_self(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            TokenTree::Ident(ident) if ident == "self" => {
                let is_path = matches!(rest.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == proc_macro2::Spacing::Joint);
                match is_path {
                    true => TokenTree::Ident(ident),
                    false => TokenTree::Ident(Ident::new("__giotto_self", ident.span())),
                }
            }
            token => token,
        });
    }
    renamed.into_iter().collect()
}
