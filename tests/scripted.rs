//! pgweir in front of a server that does what a real Postgres does not do on command: dies in the middle, speaks out of
//! turn, sends garbage, hangs, refuses, answers one byte at a time.

#![allow(clippy::unwrap_used)]

mod support;

#[path = "scripted/cancels.rs"]
mod cancels;
#[path = "scripted/connecting.rs"]
mod connecting;
#[path = "scripted/databases.rs"]
mod databases;
#[path = "scripted/flow.rs"]
mod flow;
#[path = "scripted/leaving.rs"]
mod leaving;
#[path = "scripted/recovering.rs"]
mod recovering;
#[path = "scripted/replication.rs"]
mod replication;
#[path = "scripted/secure.rs"]
mod secure;
#[path = "scripted/servers.rs"]
mod servers;
#[path = "scripted/unserved.rs"]
mod unserved;
