//! SQL as far as a pooler must know it: tokens, what a text may leave behind in a session, which settings it changes, and
//! the shape of its statements without their values. Pure.
//!
//! No grammar: a text that Postgres would refuse may be read as anything, since none of it is run. Where a text cannot be
//! read with certainty the answer says so, or says too much, never too little.

mod calls;
pub mod changes;
mod creation;
pub mod database;
pub mod deallocate;
mod defaults;
pub mod digest;
pub mod effects;
mod ending;
pub mod facts;
mod fitting;
mod key;
pub mod lexer;
pub mod listen;
pub mod literal;
pub mod meaning;
mod redact;
mod sequence;
mod set;
mod set_config;
pub mod skeleton;
mod spelled;
pub mod tags;

pub use changes::{Change, To, changes, changes_of_meaning};
pub use creation::creates;
pub use effects::{Effects, effects, effects_and_calls};
pub use ending::{ends_a_transaction, last_rollback};
pub use fitting::fitting;
pub use lexer::{Lexer, Token};
pub use listen::{Listen, listens};
pub use literal::{Kind, Literal};
pub use redact::redact;
pub use sequence::asks_for_a_last_value;
pub use spelled::spell;

#[cfg(test)]
mod tests;
