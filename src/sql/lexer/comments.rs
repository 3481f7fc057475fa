//! A text's first and last comment: where they are, so that what reads the tokens need not care. Pure.

use super::{Lexer, comment_end, line_end};

/// Where they begin.
#[derive(Debug, Clone, Copy)]
pub(super) struct Comments {
    first: u32,
    last: u32,
}

/// No comment: none begins there, for a text is shorter.
const NOWHERE: u32 = u32::MAX;

impl Comments {
    pub(super) const NONE: Comments = Comments { first: NOWHERE, last: NOWHERE };

    /// One begins there.
    pub(super) fn note(&mut self, at: usize) {
        self.last = u32::try_from(at).unwrap_or(NOWHERE);
        self.first = self.first.min(self.last);
    }
}

impl<'a> Lexer<'a> {
    /// Whether a comment was passed.
    #[inline]
    pub(in crate::sql) fn has_comment(&self) -> bool {
        self.comments.first != NOWHERE
    }

    /// The first comment that was passed and the last, without their delimiters; the same one where there was one only.
    pub(in crate::sql) fn comments(&self) -> [Option<&'a [u8]>; 2] {
        [self.comments.first, self.comments.last].map(|at| inside(self.text, at as usize))
    }
}

/// What the comment that begins at `at` says.
fn inside(text: &[u8], at: usize) -> Option<&[u8]> {
    match text.get(at..)? {
        [b'-', b'-', ..] => text.get(at + 2..line_end(text, at)),
        [b'/', b'*', ..] => {
            let rest = &text[at + 2..comment_end(text, at)];
            Some(rest.strip_suffix(b"*/").unwrap_or(rest))
        }
        _ => None,
    }
}
