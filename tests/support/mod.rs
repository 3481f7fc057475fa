//! What the tests of the running program share: pgweir itself, a server that plays what it is told, a client that sends
//! bytes, a real Postgres. Everything waits for something to happen, with a bound; nothing sleeps.

// Each test file is a crate of its own and uses a part of this.
#![allow(dead_code, unreachable_pub, clippy::unwrap_used)]

pub mod client;
pub mod http;
pub mod peer;
pub mod pgweir;
pub mod postgres;
pub mod proc;
pub mod stage;
pub mod tls;
pub mod wire;

use std::time::Duration;

/// What has not come after this long does not come.
pub const PATIENCE: Duration = Duration::from_secs(20);
