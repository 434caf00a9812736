//! LocMem, Dummy and a store of a user: the contract of every store in this process, and bounds.
