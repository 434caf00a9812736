//! The parameters of a cached function, as they are written.
//!
//! They become the arguments of the key, and what the computation owns.

use proc_macro2::{TokenStream as Tokens, TokenTree};
use quote::ToTokens;
use syn::spanned::Spanned;
use syn::{
    Error, FnArg, GenericArgument, Ident, Pat, PathArguments, ReceiverKind, Result, Signature,
    Token, Type,
};

const CHANGES: &str =
    "a cached function cannot change what it is called with: most calls do not run it";

pub(super) struct Parameter {
    pub(super) name: Ident,
    pub(super) ty: Type,
    pub(super) mutability: Option<Token![mut]>,
    /// Whether it is the cache.
    pub(super) is_cache: bool,
    /// Whether it is left out of the key.
    pub(super) is_skipped: bool,
}

impl Parameter {
    pub(super) const fn is_argument(&self) -> bool {
        !self.is_cache && !self.is_skipped
    }
}

/// The `self` of a method.
pub(super) struct Receiver {
    pub(super) is_borrowed: bool,
}

/// The parameters. What rustc would refuse or warn about there is taken off the signature.
pub(super) fn take_parameters(
    signature: &mut Signature,
) -> Result<(Option<Receiver>, Vec<Parameter>)> {
    let (mut receiver, mut parameters) = (None, Vec::new());
    for input in &mut signature.inputs {
        match input {
            FnArg::Receiver(own) => receiver = Some(take_receiver(own)?),
            FnArg::Typed(_) => parameters.push(take_parameter(input)?),
        }
    }
    Ok((receiver, parameters))
}

fn take_receiver(receiver: &syn::Receiver) -> Result<Receiver> {
    let (is_borrowed, mutability) = match &receiver.kind {
        ReceiverKind::Reference(_, _, mutability) => (true, *mutability),
        ReceiverKind::Typed(_, ty) => match &**ty {
            Type::Reference(reference) => (true, reference.mutability),
            _ => (false, None),
        },
        _ => (false, None),
    };
    match mutability {
        Some(_) => Err(Error::new(receiver.span(), CHANGES)),
        None => Ok(Receiver { is_borrowed }),
    }
}

fn take_parameter(input: &mut FnArg) -> Result<Parameter> {
    let FnArg::Typed(input) = input else {
        return Err(Error::new(input.span(), "self comes first"));
    };
    let Pat::Ident(pattern) = &mut *input.pat else {
        let message = "a parameter of a cached function is one name, which is in its key";
        return Err(Error::new(input.pat.span(), message));
    };
    check_parameter(&input.ty)?;
    let mut is_skipped = false;
    input.attrs.retain(|attribute| {
        let is_skip = attribute.path().is_ident("skip");
        is_skipped |= is_skip;
        !is_skip
    });
    Ok(Parameter {
        name: pattern.ident.clone(),
        ty: (*input.ty).clone(),
        mutability: pattern.mutability.take(),
        is_cache: pattern.ident == "cache" || is_cache(&input.ty),
        is_skipped,
    })
}

/// Whether `ty` is a `Cache`, borrowed or shared.
fn is_cache(ty: &Type) -> bool {
    match ty {
        Type::Reference(reference) => is_cache(&reference.elem),
        Type::Path(path) => path.path.segments.last().is_some_and(|last| {
            match (last.ident.to_string().as_str(), &last.arguments) {
                ("Cache", PathArguments::None) => true,
                ("Arc", PathArguments::AngleBracketed(inner)) => {
                    matches!(inner.args.first(), Some(GenericArgument::Type(ty)) if is_cache(ty))
                }
                _ => false,
            }
        }),
        _ => false,
    }
}

fn check_parameter(ty: &Type) -> Result<()> {
    match ty {
        Type::Reference(reference) if reference.mutability.is_some() => {
            Err(Error::new(ty.span(), CHANGES))
        }
        Type::Reference(reference) => check_owned(
            &reference.elem,
            "a parameter of a cached function is an owned value, or a reference to one",
        ),
        ty => check_owned(
            ty,
            "a parameter of a cached function is an owned value, or a reference to one: take an `Option<String>` instead \
             of an `Option<&str>`",
        ),
    }
}

/// Refuses a type that borrows, or that the compiler infers.
pub(super) fn check_owned(ty: &Type, message: &str) -> Result<()> {
    if let Type::ImplTrait(_) = ty {
        let message = "a cached function has no type parameters: write out the type";
        return Err(Error::new(ty.span(), message));
    }
    match borrows(ty.to_token_stream()) {
        true => Err(Error::new(ty.span(), message)),
        false => Ok(()),
    }
}

/// Whether there is a reference or a lifetime in a type, other than `'static`.
fn borrows(ty: Tokens) -> bool {
    let mut tokens = ty.into_iter();
    while let Some(token) = tokens.next() {
        let is_borrowed = match token {
            TokenTree::Group(group) => borrows(group.stream()),
            TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                !matches!(tokens.next(), Some(TokenTree::Ident(name)) if name == "static")
            }
            TokenTree::Punct(punct) if punct.as_char() == '&' => !tokens
                .clone()
                .take(2)
                .any(|next| matches!(next, TokenTree::Ident(name) if name == "static")),
            _ => false,
        };
        if is_borrowed {
            return true;
        }
    }
    false
}
