//! What happened: numbers, pictures of the pools, log lines. Knows nobody and is known by all: nothing in here reaches
//! into a pool or a session, they tell it when something is over.

pub mod advice;
pub mod analyst;
pub mod anchor;
mod cold;
pub mod count;
pub mod counters;
pub mod finding;
pub mod health;
pub mod histogram;
pub mod history;
pub mod insight;
pub mod keys;
pub mod known;
pub mod log;
pub mod lore;
pub mod nanos;
pub mod observer;
pub mod pins;
pub mod process;
pub mod rejections;
pub mod repeats;
pub mod report;
pub mod shapes;
pub mod snapshot;
pub mod sparse;
pub mod store;
pub mod who;
