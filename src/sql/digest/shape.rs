//! Pieces of a statement as numbers, for its digest. Pure.

use super::hash::raw;

/// Any value.
pub(super) const VALUE: u64 = 0x8ebc_6af0_9c88_c6e3;
/// DEFAULT in a row.
pub(super) const DEFAULT: u64 = 0x5899_65cc_7537_4cc3;
/// A name that says nothing: of a savepoint, of a cursor.
pub(super) const HIDDEN: u64 = 0x1d8e_4e27_c47d_124f;
/// What does not end.
pub(super) const OPEN: u64 = 0xeb44_acca_b455_d165;
/// `::`
pub(super) const CAST: u64 = 0x2d35_8dcc_aa6c_78a5;
/// In front of a name that is not the same without quotes.
const QUOTED: u64 = 0x4b33_a62e_d433_d4a3;
/// In front of a name with escapes.
const ESCAPED: u64 = 0x9ca7_ae58_3f5b_9d1b;
/// In front of a number that is part of a type.
const MODIFIER: u64 = 0x63c3_2a1f_8d5e_b6a7;

/// A byte that is a token.
#[inline]
pub(super) const fn symbol(byte: u8) -> u64 {
    (byte as u64 + 1).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
}

/// An operator; `!=` is `<>`.
#[inline]
pub(super) fn operator(bytes: &[u8]) -> u64 {
    match bytes {
        [byte] => symbol(*byte),
        b"!=" => raw(b"<>"),
        _ => raw(bytes),
    }
}

pub(super) fn quoted(name: &[u8]) -> u64 {
    raw(name) ^ QUOTED
}

pub(super) fn escaped(name: &[u8]) -> u64 {
    raw(name) ^ ESCAPED
}

pub(super) fn modifier(number: &[u8]) -> u64 {
    raw(number) ^ MODIFIER
}
