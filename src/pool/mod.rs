//! A few servers for many clients.
pub mod catalog;
pub mod ledger;
pub mod memory;
pub mod parameters;
