//! The attribute `#[cached]`: the body of a function becomes a computation of a cache.
//!
//! It runs when an application is compiled. The function keeps its signature; what is called with it is in
//! `giotto_cache::function::attribute`.

mod call;
mod parameters;
mod settings;

use proc_macro2::TokenStream as Tokens;
use quote::quote;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Block, Error, Result, ReturnType, Signature, Type, Visibility};

use self::call::Call;
use self::parameters::{Parameter, check_owned, take_parameters};
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
        signature: &function.signature,
        body: &function.body,
        receiver: receiver.as_ref(),
        parameters: &parameters,
        output: &output,
    };
    let cache = cache(&settings, &call)?;
    let (site, policy) = (call.site(), settings.policy(root));
    let (tags, compute) = (&settings.tags, call.compute());
    let independent = settings
        .is_independent
        .then(|| quote!(let __giotto_function = __giotto_function.independent();));
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
            #cache
            #site
            let __giotto_function = #root::function::attribute::function(
                __giotto_cache,
                &__GIOTTO_SITE,
                &__giotto_name,
                #policy,
                ::std::vec![#(::std::convert::Into::<::std::string::String>::into(#tags)),*],
            );
            #independent
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

/// The cache, by the setting or by the parameter. It is cloned where the computation takes what it is borrowed from.
fn cache(settings: &Settings, call: &Call<'_>) -> Result<Tokens> {
    let mut own = call
        .parameters
        .iter()
        .filter(|parameter| parameter.is_cache);
    let (cache, is_borrowed) = match (&settings.cache, own.next()) {
        (Some(cache), _) => {
            let of_self = quote!(#cache)
                .into_iter()
                .next()
                .is_some_and(|first| first.to_string() == "self");
            let is_borrowed = call.receiver.is_some_and(|receiver| receiver.is_borrowed);
            (quote!((#cache)), of_self && is_borrowed)
        }
        (None, Some(Parameter { name, ty, .. })) => {
            (quote!(#name), matches!(ty, Type::Reference(_)))
        }
        (None, None) => {
            let message = "which cache? Take a parameter `cache: &Cache`, or name one: `#[cached(cache = self.cache, ..)]`";
            return Err(Error::new(call.signature.ident.span(), message));
        }
    };
    let root = call.root;
    Ok(match is_borrowed {
        true => quote!(let __giotto_cache: &#root::Cache = &#cache;),
        false => quote!(let __giotto_cache: &#root::Cache = &#root::Cache::clone(&#cache);),
    })
}
