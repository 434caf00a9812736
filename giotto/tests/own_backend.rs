//! The store of the example `own_backend` obeys the contract, like every other.

#[path = "../examples/own_backend.rs"]
#[expect(dead_code, unreachable_pub, reason = "an example stands alone")]
mod example;

use std::sync::Arc;

use giotto::cache::conformance::{self, Subject};

#[tokio::test]
async fn the_example_of_a_store_of_your_own_obeys_the_contract() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let store = |name: &str| Arc::new(example::FileKeyValue::new(folder.path().join(name)));
    let subject = Subject::new(store("one")).neighbour(store("other"));
    conformance::check(&subject).await;
}
