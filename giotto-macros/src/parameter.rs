//! The parameters of a model, as they are written.
//!
//! They become the fields of its argument struct, or come from the context of an invocation.

use syn::spanned::Spanned;
use syn::{
    Attribute, Error, Expr, ExprLit, FnArg, Ident, ItemFn, Lit, Meta, Pat, PathArguments, Result,
    ReturnType, Type,
};

pub(crate) struct Parameter {
    pub(crate) name: Ident,
    pub(crate) ty: Box<Type>,
    pub(crate) doc: String,
    pub(crate) default: Option<Expr>,
    /// Whether it comes from the context of the invocation instead of its caller.
    pub(crate) is_context: bool,
}

/// Whether a parameter of type `ty` comes from the context. A `State` without `<..>` is a type of the application.
fn is_context(ty: &Type) -> bool {
    let Type::Path(path) = ty else {
        return false;
    };
    path.path.segments.last().is_some_and(|last| {
        let is_generic = matches!(last.arguments, PathArguments::AngleBracketed(_));
        match last.ident.to_string().as_str() {
            "App" | "CacheControl" => true,
            "Session" => cfg!(feature = "session"),
            "State" => is_generic,
            _ => false,
        }
    })
}

/// Whether a function with this `output` returns a `Result<..>`.
pub(crate) fn is_result(output: &ReturnType) -> bool {
    let ReturnType::Type(_, ty) = output else {
        return false;
    };
    let Type::Path(path) = &**ty else {
        return false;
    };
    path.path.segments.last().is_some_and(|last| {
        let is_generic = matches!(last.arguments, PathArguments::AngleBracketed(_));
        last.ident == "Result" && is_generic
    })
}

/// The parameters, their documentation and defaults taken off the function, which rustc would refuse there.
pub(crate) fn take_parameters(function: &mut ItemFn) -> Result<Vec<Parameter>> {
    function.sig.inputs.iter_mut().map(take_parameter).collect()
}

fn take_parameter(input: &mut FnArg) -> Result<Parameter> {
    let FnArg::Typed(input) = input else {
        return Err(Error::new(
            input.span(),
            "a model is a free function: it has no self",
        ));
    };
    let Pat::Ident(pattern) = &*input.pat else {
        return Err(Error::new(
            input.pat.span(),
            "a model's parameter is one name: callers give it by name",
        ));
    };
    check_owned(&input.ty)?;
    let mut parameter = Parameter {
        name: pattern.ident.clone(),
        ty: input.ty.clone(),
        doc: String::new(),
        default: None,
        is_context: is_context(&input.ty),
    };
    let mut kept = Vec::new();
    for attribute in input.attrs.drain(..) {
        if attribute.path().is_ident("default") {
            parameter.default = Some(attribute.parse_args()?);
        } else if attribute.path().is_ident("state") {
            parameter.is_context = true;
        } else if attribute.path().is_ident("doc") {
            parameter.doc.push_str(&doc_line(&attribute));
        } else {
            kept.push(attribute);
        }
    }
    kept.extend(may_be_unused(&parameter.name));
    input.attrs = kept;
    parameter.doc = parameter.doc.trim().to_owned();
    Ok(parameter)
}

/// Templates read the language of a page from its argument `lang`; many models do not.
fn may_be_unused(name: &Ident) -> Option<Attribute> {
    (name == "lang").then(|| syn::parse_quote!(#[allow(unused_variables)]))
}

fn check_owned(ty: &Type) -> Result<()> {
    let message =
        "a model owns its arguments: take a String instead of a &str, a Vec instead of a slice";
    match ty {
        Type::Reference(_) => Err(Error::new(ty.span(), message)),
        _ => Ok(()),
    }
}

/// The text of one `///` line and the end of that line.
pub(crate) fn doc_line(attribute: &Attribute) -> String {
    match &attribute.meta {
        Meta::NameValue(meta) => match &meta.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => format!("{}\n", text.value().trim()),
            _ => String::new(),
        },
        _ => String::new(),
    }
}
