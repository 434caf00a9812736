//! The functions of templates that make addresses.
//!
//! Step 6 of an invocation calls them.

use minijinja::value::{Kwargs, Value, from_args};
use minijinja::{Error, ErrorKind};
use serde_json::Value as Json;

use super::wrong::{detail, failed, undefined, usage};
use crate::address::Addresses;
use crate::context::Context;

/// The address of a program. It is text like any other, and escaped for the page.
pub(super) fn url_for(context: &Context, arguments: &[Value]) -> Result<String, Error> {
    let (program, named): (&str, Kwargs) =
        from_args(arguments).map_err(|error| usage(&error, "url_for(\"book\", id=7)"))?;
    let mut given = serde_json::Map::new();
    for name in named.args() {
        let value: Value = named.get(name)?;
        if value.is_undefined() {
            let message = format!("url_for({program:?}): {}", detail(&undefined(name)));
            return Err(Error::new(ErrorKind::UndefinedError, message));
        }
        let json = serde_json::to_value(&value).map_err(|error| failed(&error))?;
        given.insert(name.to_owned(), json);
    }
    let addresses = context.states().find::<Addresses>();
    let addresses = addresses.ok_or_else(|| failed("there are no addresses"))?;
    let url = addresses.url_for(program, &Json::Object(given));
    url.map_err(|error| failed(&error))
}

/// The same with the origin of the application.
pub(super) fn absolute_url_for(context: &Context, arguments: &[Value]) -> Result<Value, Error> {
    let url = context.site().absolute(&url_for(context, arguments)?);
    url.map(Value::from).map_err(|error| failed(&error))
}

/// The address of a path that is not one of a program.
pub(super) fn url(context: &Context, arguments: &[Value]) -> Result<Value, Error> {
    let (path,): (&str,) =
        from_args(arguments).map_err(|error| usage(&error, "url(\"/admin/cover\")"))?;
    let url = context.site().url(path);
    url.map(Value::from).map_err(|error| failed(&error))
}

/// The same with the origin of the application.
pub(super) fn absolute_url(context: &Context, arguments: &[Value]) -> Result<Value, Error> {
    let (path,): (&str,) =
        from_args(arguments).map_err(|error| usage(&error, "absolute_url(asset(\"app.css\"))"))?;
    let url = context.site().absolute(path);
    url.map(Value::from).map_err(|error| failed(&error))
}
