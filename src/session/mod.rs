//! One client, from hello to goodbye.
//!
//! Reading order: `welcome` (the login), `stay` (requests, one after the other), `relay` (one request with one server, its
//! two halves in `upward` and `downward`). Pure, and the heart of it: `request` (is it complete?), `dialogue` (what may
//! follow what; its words in `owed`, how it stands in `standing`), `statements` and `desk`
//! (prepared statements on shared servers), `limits` (how long is too long).

pub mod alarm;
mod course;
pub mod desk;
pub mod dialogue;
mod downward;
pub mod greeting;
pub mod known;
mod learn;
mod limits;
pub mod lobby;
pub mod owed;
mod relay;
pub mod request;
pub mod standing;
pub mod statements;
pub mod stay;
mod turned;
mod upward;
pub mod welcome;
pub mod worker;

pub use lobby::{Lobby, Rules};
pub use stay::{Session, Stay};
pub use worker::Worker;
