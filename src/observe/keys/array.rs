//! Arrays of one value, as `= ANY ($1)` gets them: that value. Pure.
//!
//! As text `{42}` or `{"42"}`, see [Array Input and Output Syntax](https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO);
//! in binary as the server's
//! [array_send](https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/arrayfuncs.c) writes them.

use super::{Scalar, is_linkable};

/// Dimensions, flags, the element's type, its number and the first index; the element's length is behind them.
const HEAD: usize = 20;

/// What an array's text is to be linked by: its only value. `None` of what is no array by its looks.
#[inline]
pub(super) fn text(bytes: &[u8]) -> Option<Scalar<'_>> {
    let [b'{', inside @ .., b'}'] = bytes else { return None };
    Some(match inside {
        [b'"', quoted @ .., b'"'] if !quoted.iter().any(|byte| matches!(byte, b'"' | b'\\')) => Scalar::text(quoted),
        _ if inside.iter().any(|byte| b"\"\\,{} ".contains(byte)) || inside.eq_ignore_ascii_case(b"null") => {
            Scalar::None
        }
        _ => Scalar::text(inside),
    })
}

/// The same of one in binary.
#[inline]
pub(super) fn binary(bytes: &[u8]) -> Option<Scalar<'_>> {
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let [dimensions, _, oid, count, _] = numbers(head)?;
    let (length, value) = rest.split_first_chunk::<4>()?;
    let whole = usize::try_from(u32::from_be_bytes(*length)).is_ok_and(|length| length == value.len());
    let one = (dimensions, count) == (1, 1) && is_linkable(oid) && whole;
    one.then(|| Scalar::binary(oid, value))
}

fn numbers(head: &[u8]) -> Option<[u32; 5]> {
    let (words, _) = head.as_chunks::<4>();
    <[[u8; 4]; 5]>::try_from(words).ok().map(|words| words.map(u32::from_be_bytes))
}
