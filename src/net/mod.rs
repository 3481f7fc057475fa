//! (to be written)

pub mod tls;
