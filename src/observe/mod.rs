//! What happened: numbers, pictures of the pools, log lines. Knows nobody and is known by all: nothing in here reaches
//! into a pool or a session, they tell it when something is over.

pub mod count;
pub mod counters;
pub mod finding;
pub mod histogram;
pub mod log;
pub mod pins;
pub mod process;
pub mod rejections;
pub mod repeats;
pub mod report;
pub mod snapshot;
pub mod who;
