//! The parts of the code that `#[cached]` writes.
//!
//! Each is one template: where the function is, its key, its computation and the call.

use proc_macro2::{Group, Ident, Spacing, Span, TokenStream as Tokens, TokenTree};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Block, Signature, Type};

use super::parameters::{Parameter, Receiver};
use super::settings::Settings;

/// What the parts of the expansion are made of.
pub(super) struct Call<'e> {
    pub(super) root: &'e Tokens,
    pub(super) settings: &'e Settings,
    pub(super) signature: &'e Signature,
    pub(super) body: &'e Block,
    pub(super) receiver: Option<&'e Receiver>,
    pub(super) parameters: &'e [Parameter],
    pub(super) output: &'e Tokens,
}

impl Call<'_> {
    /// Where the function is, and its name.
    pub(super) fn site(&self) -> Tokens {
        let (root, ident) = (self.root, &self.signature.ident);
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
    pub(super) fn compute(&self) -> Tokens {
        let root = self.root;
        let owned = quote!(#root::function::attribute::owned);
        let mut clones = Vec::new();
        let mut values = Vec::new();
        let mut body = self.body.clone();
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
            is_cache,
            ..
        } in self.parameters
        {
            let value = match ty {
                Type::Reference(reference) => {
                    let ty = &reference.elem;
                    clones.push(quote_spanned!(ty.span()=> let #name = #root::function::attribute::owned(#name);));
                    quote!(&#name)
                }
                _ => quote!(#name),
            };
            // The attribute uses the cache; the body need not.
            let may_be_unused = is_cache.then(|| quote!(#[allow(unused_variables)]));
            values.push(quote!(#may_be_unused let #mutability #name: #ty = #value;));
        }
        let (output, statements) = (self.output, &body.stmts);
        quote! {
            move || {
                #(#clones)*
                async move {
                    // Tells the compiler the type of the block, for its `?` and `return`.
                    if let ::core::option::Option::Some(__giotto_output) = ::core::option::Option::None::<#output> {
                        return __giotto_output;
                    }
                    #(#values)*
                    #(#statements)*
                }
            }
        }
    }

    /// The call.
    pub(super) fn run(&self, compute: &Tokens) -> Tokens {
        let (root, output, arguments) = (self.root, self.output, self.arguments());
        let late = self
            .settings
            .hard_timeout()
            .map(|span| quote_spanned!(span=> let __giotto_errors = __giotto_errors.or_late();));
        let (hit, call, negative) = match &self.settings.negative_errors {
            None => (quote!(hit), quote!(call), None),
            Some(negative) => (
                quote!(hit_storing),
                quote!(call_storing),
                Some(quote!(#negative,)),
            ),
        };
        let kind = quote_spanned! {output.span()=>
            let __giotto_kind = (&#root::function::attribute::Kind::<#output>::new()).kind().checked();
            let __giotto_errors = (&__giotto_kind.errors()).errors().checked();
        };
        quote! {
            #[allow(clippy::needless_borrow)]
            #kind
            #late
            // The key is written before the computation takes what it is written from.
            let __giotto_hit = {
                #arguments
                __giotto_kind.#hit(&__giotto_function, &__giotto_arguments)
            };
            let __giotto_key = match __giotto_hit {
                ::core::result::Result::Ok(__giotto_hit) => return __giotto_hit,
                ::core::result::Result::Err(__giotto_key) => __giotto_key,
            };
            // Boxed, so that the future of a hit is small.
            ::std::boxed::Box::pin(
                __giotto_kind.#call(__giotto_errors, __giotto_function, __giotto_key, #negative #compute)
            ).await
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
                let mut inner = Group::new(group.delimiter(), rename_self(group.stream()));
                inner.set_span(group.span());
                TokenTree::Group(inner)
            }
            TokenTree::Ident(ident) if ident == "self" => {
                let is_path = matches!(rest.peek(), Some(TokenTree::Punct(punct)) if punct.as_char() == ':' && punct.spacing() == Spacing::Joint);
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
