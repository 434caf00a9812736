//! Recognises variables that Kubernetes and Docker set for the services beside a container.
//!
//! Before the first step of an invocation.
//!
//! A service that is called `giotto-cache` puts `GIOTTO_CACHE_PORT=tcp://10.0.0.9:6379` into every container of its
//! namespace. Such a variable is not a setting, and `source.rs` ignores it.
//! <https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables>

use super::key::PREFIX;

/// Whether the variable `name`, which begins with the prefix, is one of a service and not a setting.
pub(super) fn is_link(name: &str, value: &str) -> bool {
    let parts: Vec<&str> = name
        .strip_prefix(PREFIX)
        .unwrap_or(name)
        .split('_')
        .collect();
    let is_address = ["tcp://", "udp://", "sctp://"]
        .iter()
        .any(|scheme| value.starts_with(scheme));
    let is_service = parts
        .windows(2)
        .any(|pair| matches!(pair, ["SERVICE", "HOST" | "PORT"]));
    // What `docker run --link` sets: `CACHE_NAME=/web/cache`, and the variables of the other container.
    let is_name = value.starts_with('/') && parts.last() == Some(&"NAME");
    let is_env = matches!(parts.as_slice(), [before @ .., _] if before.contains(&"ENV"));
    is_service
        || is_port(&parts)
        || is_address && parts.last() == Some(&"PORT")
        || is_name
        || is_env
}

/// Whether it ends like `PORT_6379_TCP` or `PORT_6379_TCP_ADDR`.
fn is_port(parts: &[&str]) -> bool {
    let end = match parts {
        [rest @ .., "PROTO" | "PORT" | "ADDR"] => rest,
        all => all,
    };
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(end, [.., "PORT", number, "TCP" | "UDP" | "SCTP"] if is_number(number))
}
