//! Clients that break the protocol, that send half of it, that come in crowds: each is told or closed, and nobody else
//! notices. And one that is only slow: byte by byte, with exactly Postgres' own replies.

#![allow(clippy::unwrap_used)]

mod support;

#[path = "hostile/crowds.rs"]
mod crowds;
#[path = "hostile/login.rs"]
mod login;
#[path = "hostile/messages.rs"]
mod messages;
#[path = "hostile/splits.rs"]
mod splits;
