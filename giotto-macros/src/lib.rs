//! The attributes of Giotto; use them as `giotto::model`, and `giotto::cached` or `giotto_cache::cached`.
//!
//! They run when an application is compiled. `#[model]` writes the argument struct of a function and ties it to it. `#[cached]`
//! (`cached/`) puts a cache in front of a function.

mod cached;
mod parameter;

use proc_macro::TokenStream;
use proc_macro2::{Span, TokenStream as Tokens};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, Ident, ItemFn, Lit, Result, ReturnType, parse_macro_input,
};

use parameter::{Parameter, doc_line, take_parameters};

/// Makes a function a model: `Program::new(square)` then knows the names, types, defaults and
/// documentation of its parameters, and `square(12)` can be called as before.
///
/// Parameters are owned values whose types implement serde's `Deserialize` and `Serialize`. A parameter
/// with `#[default(4)]` may be left out of an invocation, and so may an `Option`.
///
/// These parameters are not arguments, and not in the key of a page:
///
/// - `State<T>`, a value that all requests share, such as the pool of a database;
/// - one with the attribute `#[state]`, whose type implements `FromState` (or is another name for a `State<T>`);
/// - `CacheControl`, which says how the result is cached;
/// - `Session`, what is kept for the reader, with giotto's feature `session`;
/// - `App`, the application itself.
///
/// The name becomes a constant that dereferences to a function pointer. Rust lets no variable, parameter or
/// pattern take the name of a constant, so name models for what they do (`square`, `list_reports`) and
/// variables for what they are (`squared`, `reports`). An `async fn` returns a boxed future.
#[proc_macro_attribute]
pub fn model(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let function = parse_macro_input!(item as ItemFn);
    let expanded = if arguments.is_empty() {
        expand(function)
    } else {
        Err(Error::new(Span::call_site(), "#[model] takes no arguments"))
    };
    expanded.unwrap_or_else(Error::into_compile_error).into()
}

/// Puts a cache in front of an async function or method: its result is stored, and a call with the same arguments returns it
/// until its time is over. It is called as before.
///
/// ```ignore
/// #[cached(seconds = 60, stale_while_revalidate = 300, tags = [format!("user:{id}")])]
/// async fn user(cache: &Cache, #[skip] pool: &Pool, id: u64) -> Result<User, DbError> {
///     pool.user(id).await
/// }
/// ```
///
/// The cache is the parameter whose type is a `Cache` or whose name is `cache`, or `cache = self.cache`. All other parameters
/// are the key and implement `Serialize`, except those with `#[skip]`. They are owned values or references to such. A method
/// leaves `self` out of the key, or has it in it with `key_self`.
///
/// | setting | |
/// |---|---|
/// | `seconds = 60`, `forever`, or `policy = POLICY` | how long a result is fresh; one of them is needed |
/// | `stale_while_revalidate`, `stale_if_error`, `throttle`, `soft_timeout`, `hard_timeout`, `negative`, `early_refresh`, `jitter`, `version` | as the methods of `Policy` |
/// | `tags = [format!("user:{id}"), ..]` | the tags of the result |
/// | `name = "user"` | the name in keys and counters, in place of the path of the function |
/// | `independent` | what calls the function inside another computation of the cache does not inherit its tags and life |
/// | `negative_errors = \|error\| ..` | the errors that are stored for the `negative` time, as `None` is |
///
/// The result, without the `Result` around it, implements `Serialize`, `Deserialize` and `Clone`. An error is not stored. It
/// implements `std::error::Error` and `Clone`, or `From<giotto_cache::Error>`.
#[proc_macro_attribute]
pub fn cached(settings: TokenStream, item: TokenStream) -> TokenStream {
    cached_in(settings, item, &quote!(::giotto_cache))
}

/// The same for users of the crate `giotto`.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn cached_in_giotto(settings: TokenStream, item: TokenStream) -> TokenStream {
    cached_in(settings, item, &quote!(::giotto::cache))
}

fn cached_in(settings: TokenStream, item: TokenStream, root: &Tokens) -> TokenStream {
    let function = parse_macro_input!(item as cached::Function);
    let expanded = cached::expand(settings.into(), function, root);
    expanded.unwrap_or_else(Error::into_compile_error).into()
}

/// The function stays as it is written and sees all that is written beside it, which is therefore called `__giotto_..`.
fn expand(mut function: ItemFn) -> Result<Tokens> {
    let generics = &function.sig.generics;
    if !generics.params.is_empty() || generics.where_clause.is_some() {
        return Err(Error::new(
            generics.span(),
            "a model cannot be generic: write out its types",
        ));
    }
    let parameters = take_parameters(&mut function)?;
    let name = function.sig.ident.clone();
    let visibility = std::mem::replace(&mut function.vis, syn::Visibility::Inherited);
    let is_doc = |attribute: &Attribute| attribute.path().is_ident("doc");
    let (docs, rest): (Vec<_>, Vec<_>) = function.attrs.into_iter().partition(is_doc);
    function.attrs = rest;
    let reply = match &function.sig.output {
        ReturnType::Default => quote!(()),
        ReturnType::Type(_, ty) => quote!(#ty),
    };
    let call = call(&function, &parameters, &reply);
    let (context, given): (Vec<_>, Vec<_>) = parameters
        .into_iter()
        .partition(|parameter| parameter.is_context);
    let context = context.iter().map(|parameter| &parameter.ty);
    let checks = given.iter().map(
        |Parameter { ty, .. }| quote_spanned!(ty.span()=> ::giotto::model::argument::<#ty>();),
    );
    let arguments = argument_struct(&given);
    let (bound, check) = match parameter::is_result(&function.sig.output) {
        true => (quote!(FallibleReply), quote!(fallible_reply)),
        false => (quote!(Reply), quote!(reply)),
    };
    let returned = quote_spanned!(reply.span()=> ::giotto::model::#check::<#reply, _>(););
    let documentation = documentation(&docs, &given);
    Ok(quote! {
        #(#docs)*
        #[expect(non_camel_case_types, reason = "it is called like the function that it was")]
        #[derive(Clone, Copy, Debug)]
        #visibility struct #name;

        const _: () = {
            #[allow(
                clippy::needless_pass_by_value, clippy::too_many_arguments,
                reason = "a model owns its arguments, and has as many as its form has fields"
            )]
            #function
            // Before the struct, whose errors do not name the remedy.
            const _: () = { #(#checks)* #returned };
            #arguments
            #call

            impl<__GiottoReply> ::giotto::model::Model<(__GiottoArguments, __GiottoReply)> for #name
            where
                #reply: ::giotto::model::#bound<__GiottoReply>,
            {
                type Arguments = __GiottoArguments;
                type Output = <#reply as ::giotto::model::Reply<__GiottoReply>>::Value;

                fn call(
                    &self,
                    arguments: __GiottoArguments,
                    context: &::giotto::model::Context,
                ) -> ::core::result::Result<::giotto::model::Call<Self::Output>, ::giotto::Error> {
                    __giotto_start(arguments, context)
                }

                fn needs(&self) -> ::giotto::model::Needs {
                    ::giotto::model::Needs::default() #(.of::<#context>())*
                }

                fn sets_cookies(&self) -> bool {
                    <#reply as ::giotto::model::Reply<__GiottoReply>>::SETS_COOKIES
                }

                #documentation
            }
        };
    })
}

fn argument_struct(parameters: &[Parameter]) -> Tokens {
    let fields = parameters.iter().map(
        |Parameter {
             name, ty, default, ..
         }| {
            let function = default_function(name).to_string();
            let attribute = default
                .as_ref()
                .map(|_| quote!(#[serde(default = #function)]));
            quote!(#attribute pub #name: #ty)
        },
    );
    let defaults = parameters.iter().filter_map(
        |Parameter {
             name, ty, default, ..
         }| {
            let function = default_function(name);
            let value = match default.as_ref()? {
                text @ Expr::Lit(ExprLit {
                    lit: Lit::Str(_), ..
                }) => quote!(::core::convert::Into::into(#text)),
                value => quote!(#value),
            };
            Some(quote!(fn #function() -> #ty { #value }))
        },
    );
    quote! {
        #[derive(::giotto::model::serde::Deserialize, ::giotto::model::serde::Serialize)]
        #[serde(crate = "giotto::model::serde")]
        pub struct __GiottoArguments { #(#fields),* }

        #(#defaults)*
    }
}

fn default_function(parameter: &Ident) -> Ident {
    format_ident!("__giotto_default_{}", parameter)
}

/// How the model is run, and how it is called by other code.
fn call(function: &ItemFn, parameters: &[Parameter], reply: &Tokens) -> Tokens {
    let name = &function.sig.ident;
    let names: Vec<_> = parameters.iter().map(|parameter| &parameter.name).collect();
    let types: Vec<_> = parameters.iter().map(|parameter| &parameter.ty).collect();
    let into_result = quote!(::giotto::model::Reply::<__GiottoReply>::into_result);
    let (target, pointer, start) = if function.sig.asyncness.is_some() {
        let future = quote! {
            ::std::pin::Pin<::std::boxed::Box<dyn ::core::future::Future<Output = #reply> + ::core::marker::Send>>
        };
        (
            quote!(fn(#(#types),*) -> #future),
            quote! {{
                #[allow(clippy::too_many_arguments, reason = "as many as the model has")]
                fn __giotto_boxed(#(#names: #types),*) -> #future { ::std::boxed::Box::pin(#name(#(#names),*)) }
                __giotto_boxed
            }},
            quote!(Awaited(::std::boxed::Box::pin(async move { #into_result(#name(#(#names),*).await) }))),
        )
    } else {
        (
            quote!(fn(#(#types),*) -> #reply),
            quote!(#name),
            quote!(Blocking(::std::boxed::Box::new(move || #into_result(#name(#(#names),*))))),
        )
    };
    let (context, given): (Vec<_>, Vec<_>) = parameters
        .iter()
        .partition(|parameter| parameter.is_context);
    let given = given.iter().map(|parameter| &parameter.name);
    let context = context.iter().map(|Parameter { name, ty, .. }| {
        quote!(let #name = <#ty as ::giotto::model::FromContext>::from_context(__giotto_context)?;)
    });
    quote! {
        #[allow(unused_variables, reason = "most models take nothing from the context")]
        fn __giotto_start<__GiottoReply>(
            __GiottoArguments { #(#given),* }: __GiottoArguments,
            __giotto_context: &::giotto::model::Context,
        ) -> ::core::result::Result<
            ::giotto::model::Call<<#reply as ::giotto::model::Reply<__GiottoReply>>::Value>,
            ::giotto::Error,
        >
        where
            #reply: ::giotto::model::Reply<__GiottoReply>,
        {
            #(#context)*
            ::core::result::Result::Ok(::giotto::model::Call::#start)
        }

        impl ::core::ops::Deref for #name {
            type Target = #target;

            fn deref(&self) -> &Self::Target {
                const FUNCTION: #target = #pointer;
                &FUNCTION
            }
        }
    }
}

fn documentation(docs: &[Attribute], parameters: &[Parameter]) -> Tokens {
    let model = docs.iter().map(doc_line).collect::<String>();
    let model = model.trim();
    let of_parameters = parameters.iter().map(|Parameter { name, doc, .. }| {
        let name = name.to_string();
        let name = name.trim_start_matches("r#");
        quote!((#name, #doc))
    });
    quote! {
        fn documentation(&self) -> ::giotto::model::Documentation {
            ::giotto::model::Documentation { model: #model, parameters: &[#(#of_parameters),*] }
        }
    }
}
