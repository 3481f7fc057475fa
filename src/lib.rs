//! # pgweir
//!
//! A PostgreSQL connection pooler that also tells why the app is slow. It holds a few server connections for thousands of
//! clients, lets their streams through, and measures the flow.
//!
//! ## The map
//!
//! Modules stand in reading order, and each uses only those above it (`tests/architecture.rs` holds that).
//!
//! | module | what it is | |
//! |---|---|---|
//! | [`protocol`] | the wire format: frames, what matters of each message, what we write ourselves | pure |
//! | [`sql`] | client SQL: tokens, what a text may leave behind in a session, which settings it changes; its shape without values ([`sql::digest`], [`sql::facts`]) | pure |
//! | [`auth`] | proving who one is: clients to us, us to servers | pure |
//! | [`config`] | what the operator wants, checked; every complaint names its key | pure but for reading the file |
//! | [`observe`] | numbers, pictures, log lines; what the workers tell of statements ([`observe::report`]) and what is made of it ([`observe::analyst`]: the store, the history, and in [`observe::repeats`] N+1 and its kin); knows nobody, is known by all | repeats, advice and health are pure |
//! | [`net`] | bytes to and from the kernel; in it [`net::lane`], one direction's bytes | lane is pure |
//! | [`pool`] | a few servers for many clients; in it [`pool::ledger`] (who holds, who rests), [`pool::memory`] (what a server remembers) | those are pure |
//! | [`session`] | one client from hello to goodbye; in it [`session::dialogue`] (what may follow what), [`session::desk`] (prepared statements), [`session::watch`] (what it leaves behind), [`session::meaning`] (what its texts mean meanwhile), [`session::tape`] (how long each statement took, with which values) | those are pure |
//! | [`web`] | HTTP: the dashboard, health, metrics, lists; reads a [`observe::snapshot::Snapshot`] and [`observe::insight`], nothing else | |
//! | [`notify`] | a word to systemd | |
//! | [`app`] | the root: builds all of it, accepts, watches clock and signals, reloads, drains | |
//!
//! ## The journey of one query
//!
//! 1. [`session::stay`]: bytes arrive in a lane lent by the worker; a client at rest holds none. [`session::request`] says
//!    when a request is complete.
//! 2. [`pool::lease`]: a server that rests, or a place in the queue.
//! 3. `session::relay`: what the server lacks (parameters, a Parse) goes in front of the client's bytes in the same write;
//!    the replies to it are swallowed.
//! 4. Replies pass by their headers, rows in runs. [`session::dialogue`] knows what is owed; when nothing is, and all is
//!    known that the client's statements left on the server ([`session::watch`], `session::settle`), the server goes to the
//!    next client before this one is sent its last bytes. What cannot be carried ties the client to it. One that prepares
//!    without a Sync gets one of ours (`session::preparing`).
//! 5. Beside all that, looking on: `session::sight` puts each statement on the tape as it is sent, [`session::replies`] takes it
//!    off, [`observe::observer`] hands it to the analyst's thread. [`observe::counters`]: one record when something is over.

#![forbid(unsafe_code)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod protocol;

pub mod sql;

pub mod auth;

pub mod config;

pub mod observe;

pub mod net;

pub mod pool;

pub mod session;

pub mod web;

pub mod notify;

pub mod app;
