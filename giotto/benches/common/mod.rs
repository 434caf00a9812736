//! What the benchmarks over HTTP share: the load, the processes, their turns, and the page they all answer with.

pub(crate) mod contest;
pub(crate) mod load;
pub(crate) mod page;
pub(crate) mod process;
pub(crate) mod squared;
