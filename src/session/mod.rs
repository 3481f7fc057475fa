//! One client, from hello to goodbye.
pub mod dialogue;
pub mod statements;
