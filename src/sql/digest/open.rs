//! How a statement opens: what it does, and whether names that say nothing follow. Pure.

use super::Kind;
use super::key::Key;

/// Where in a statement we are, as far as it changes what words mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before its first word.
    Start,
    /// Behind WITH, before the verb, which stands as deep in parentheses.
    With(u32),
    /// The next name says nothing.
    Name,
    /// No name does.
    Names,
    /// In a SET, before what it sets to.
    Set,
    /// Behind TO or `=`: what looks like a name is a value there.
    Given,
    /// Behind all that.
    Body,
}

/// What the first word makes of a statement.
pub(super) fn first(key: Key, depth: u32) -> (Kind, Phase) {
    match key {
        Key::With => (Kind::Other, Phase::With(depth)),
        Key::NamesAll => (Kind::Transparent, Phase::Names),
        Key::Names | Key::Savepoint | Key::Prepare => (Kind::Transparent, Phase::Name),
        Key::Declare | Key::Notify | Key::Execute => (Kind::Other, Phase::Name),
        Key::Fetch | Key::Move => (Kind::Other, Phase::Names),
        Key::Transparent | Key::Begin | Key::End => (Kind::Transparent, Phase::Body),
        Key::Set => (Kind::Transparent, Phase::Set),
        Key::Copy => (Kind::Copy, Phase::Body),
        _ => (verb(key).unwrap_or(Kind::Other), Phase::Body),
    }
}

/// The statement that such a word begins, also behind WITH.
pub(super) fn verb(key: Key) -> Option<Kind> {
    match key {
        Key::Select | Key::Values | Key::Table => Some(Kind::Select),
        Key::Insert => Some(Kind::Insert),
        Key::Update => Some(Kind::Update),
        Key::Delete => Some(Kind::Delete),
        Key::Merge => Some(Kind::Merge),
        _ => None,
    }
}

/// Whether a word stands for itself among names that say nothing.
pub(super) fn stays(key: Key) -> bool {
    use Key::*;
    matches!(key, Expects | Stays | First | All | From | In | Prepare | Savepoint | To | Transaction)
}
