//! Which server is the master, as the sentinels know it.
//!
//! Before a request goes out, each time a connection is made: after a failover that is another server.

use std::sync::Arc;

use redis::Value;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::failure::{Cure, Failure};
use super::request::Request;
use crate::keyvalue::address::Address;
use crate::keyvalue::redis::settings::Login;

/// A connection to the master that one of `sentinels` names. All are asked at the same time, so that one that hangs or does
/// not know of a failover yet delays no caller.
pub(super) async fn connect(
    name: &str,
    sentinels: &[Address],
    login: &Arc<Login>,
) -> Result<Connection, Failure> {
    let mut searches = JoinSet::new();
    for sentinel in sentinels {
        searches.spawn(search(name.to_owned(), sentinel.clone(), Arc::clone(login)));
    }
    let nowhere = Address::tcp(name, 0);
    let mut failure = Failure::new("no sentinel is configured", &nowhere, Cure::Later);
    while let Some(found) = searches.join_next().await {
        match found {
            Ok(Ok(master)) => return Ok(master),
            Ok(Err(error)) => failure = error,
            Err(panic) => failure = Failure::new(&panic.to_string(), &nowhere, Cure::Later),
        }
    }
    Err(failure)
}

async fn search(name: String, sentinel: Address, login: Arc<Login>) -> Result<Connection, Failure> {
    let master = locate(&name, &sentinel, &login).await?;
    let connection = Connection::open(&master, &login).await?;
    // A former master may not know yet that it was replaced. A server that refuses the question is believed.
    let role = connection.ask(&Request::Once(redis::cmd("ROLE"))).await;
    match role.as_ref().map(first_text) {
        Ok(Some(role)) if role != "master" => {
            let what = format!("{sentinel} calls it the master {name}, but it is a {role}");
            Err(Failure::new(&what, &master, Cure::Later))
        }
        _ => Ok(connection),
    }
}

async fn locate(name: &str, sentinel: &Address, login: &Login) -> Result<Address, Failure> {
    // Most sentinels have no password, and these refuse any password.
    let stranger = Login {
        tls: login.tls,
        ..Login::default()
    };
    let known = Login {
        db: 0,
        ..login.clone()
    };
    let reply = match ask_where(name, sentinel, &stranger).await {
        Err(failure) if failure.cure == Cure::SignIn => ask_where(name, sentinel, &known).await?,
        reply => reply?,
    };
    match &reply {
        Value::Nil => {
            let what = format!("this sentinel knows no master {name:?}: check its name");
            Err(Failure::new(&what, sentinel, Cure::Later))
        }
        reply => address(reply, sentinel).ok_or_else(|| {
            Failure::new(
                "this is not a sentinel: check host and port",
                sentinel,
                Cure::Later,
            )
        }),
    }
}

async fn ask_where(name: &str, sentinel: &Address, login: &Login) -> Result<Value, Failure> {
    let connection = Connection::open(sentinel, login).await?;
    let mut question = redis::cmd("SENTINEL");
    question.arg("GET-MASTER-ADDR-BY-NAME").arg(name);
    connection.ask(&Request::Once(question)).await
}

fn address(reply: &Value, sentinel: &Address) -> Option<Address> {
    let Value::Array(parts) = reply else {
        return None;
    };
    let [host, port] = parts.as_slice() else {
        return None;
    };
    Some(sentinel.neighbour(text(host)?, text(port)?.parse().ok()?))
}

fn first_text(reply: &Value) -> Option<&str> {
    match reply {
        Value::Array(parts) => text(parts.first()?),
        _ => None,
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::BulkString(bytes) => str::from_utf8(bytes).ok(),
        _ => None,
    }
}
