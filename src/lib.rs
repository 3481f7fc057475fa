//! # pgweir
//!
//! A PostgreSQL connection pooler that also tells why the app is slow.
//!
//! (map to be written)
#![cfg_attr(test, allow(clippy::unwrap_used))]

pub mod protocol;

pub mod auth;

pub mod config;

pub mod observe;

pub mod net;

pub mod pool;

pub mod session;

pub mod web;

pub mod notify;

pub mod app;
