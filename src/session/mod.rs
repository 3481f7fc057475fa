//! One client, from hello to goodbye.
//!
//! Reading order: `welcome` (the login; `lobby`, what it needs to know, `logins`, how many at once), `stay` (requests, one after the other, until the `farewell`; what a reload changes for it, `renewal`; in a crowd `unread`, without a server `detour`, with one to be put right first `clearing`), `relay` (one request
//! with one server, its two halves in `upward` and `downward`, errors in `errors`; a client that only prepares in `preparing`); `replication` (a
//! client with a server of its own). Pure, and the heart of it: `request` (is it complete?), `dialogue` (what may follow
//! what; its words in `owed`, how it stands in `standing`), `statements` and `desk` (prepared statements on shared servers; `described`: what their clients know of them; `access`: what the operator says),
//! `tape` and `memo` (what runs and what it says, put there by `sight`, taken off by `replies`, told by `telling`; `texts`: what was read before),
//! `watch`, `question` and `carry` (what a session leaves behind; `settle` moves them), `meaning` (what texts mean meanwhile), `way` (what wants a database for itself), `limits` (how long is too long).

mod access;
pub mod alarm;
pub mod bound;
pub mod carry;
mod clearing;
mod course;
mod described;
pub mod desk;
mod detour;
pub mod dialogue;
mod downward;
mod errors;
mod farewell;
pub mod greeting;
mod heed;
pub mod known;
mod last_values;
mod learn;
mod limits;
mod listen;
pub mod lobby;
pub mod logins;
pub mod meaning;
pub mod memo;
pub mod outline;
pub mod owed;
mod parting;
mod preparing;
pub mod question;
pub mod recall;
mod refusal;
mod relay;
mod renewal;
pub mod replication;
pub mod replies;
pub mod request;
pub mod rows;
#[cfg(test)]
mod serving_tests;
mod settle;
mod sight;
#[cfg(test)]
mod stage;
pub mod standing;
pub mod statements;
pub mod stay;
pub mod tape;
mod telling;
pub mod texts;
mod turned;
mod unread;
mod upward;
pub mod watch;
mod way;
pub mod welcome;
pub mod worker;

pub use lobby::{Lobby, Rules};
pub use stay::{Session, Stay};
pub use worker::Worker;
