//! Numbers for words, names and values. The same in every process and version: digests are kept and compared. Pure.

/// An odd number without a pattern, for each use another.
const WORD: u64 = 0x9e37_79b9_7f4a_7c15;
const STEP: u64 = 0xd6e8_feb8_6659_fd93;
const RAW: u64 = 0xa076_1d64_78bd_642f;
const CHAIN: u64 = 0xe703_7ed1_a0b4_28db;

/// All bits of a product in half as many.
#[inline]
const fn fold(one: u64, other: u64) -> u64 {
    let product = (one as u128) * (other as u128);
    (product as u64) ^ ((product >> 64) as u64)
}

/// `one` with `next` behind it.
#[inline]
pub(super) const fn chain(one: u64, next: u64) -> u64 {
    fold(one.rotate_left(23) ^ next, CHAIN)
}

/// A word, in whatever case, that is `text[begin..end]`.
#[inline]
pub(super) const fn word(text: &[u8], begin: usize, end: usize) -> u64 {
    let (mut at, mut hash) = (begin, WORD);
    while end - at > 8 {
        hash = fold(hash ^ lower(eight(text, at, at + 8)), STEP);
        at += 8;
    }
    fold(hash ^ lower(eight(text, at, end)), STEP)
}

/// Bytes as they are.
#[inline]
pub(super) const fn raw(bytes: &[u8]) -> u64 {
    // Zeros at the end count.
    let (mut at, mut hash) = (0, RAW ^ fold(bytes.len() as u64 ^ WORD, STEP));
    while bytes.len() - at > 8 {
        hash = fold(hash ^ eight(bytes, at, at + 8), STEP);
        at += 8;
    }
    fold(hash ^ eight(bytes, at, bytes.len()), STEP)
}

/// `text[at..end]`, which are eight at the most, in the order of the text from the lowest byte.
#[inline]
const fn eight(text: &[u8], at: usize, end: usize) -> u64 {
    let length = end - at;
    match text.split_at(at).1.first_chunk::<8>() {
        _ if length == 0 => 0,
        Some(chunk) => u64::from_le_bytes(*chunk) & (u64::MAX >> (64 - 8 * length)),
        None => few(text, at, end),
    }
}

/// The same where the text ends too soon for a look at eight bytes at once.
const fn few(text: &[u8], at: usize, end: usize) -> u64 {
    let (mut number, mut place) = (0, end);
    while place > at {
        place -= 1;
        number = number << 8 | text[place] as u64;
    }
    number
}

/// Eight bytes with their ASCII letters in lower case.
#[inline]
const fn lower(bytes: u64) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x80 * ONES;
    let low = bytes & !HIGH;
    let from_a = low + (0x80 - b'A' as u64) * ONES;
    let beyond_z = low + (0x7f - b'Z' as u64) * ONES;
    let upper = (from_a ^ beyond_z) & !bytes & HIGH;
    bytes | (upper >> 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eight_bytes_are_lowered_as_single_ones() {
        for byte in 0..=255u8 {
            let bytes = [byte, b'A', b'@', b'[', b'Z', 0xc1, byte, b'_'];
            let expected = bytes.map(|byte| byte.to_ascii_lowercase());
            assert_eq!(lower(u64::from_le_bytes(bytes)).to_le_bytes(), expected, "{byte}");
        }
    }

    #[test]
    fn a_word_is_the_same_wherever_it_stands() {
        for length in 0..40 {
            let name: Vec<u8> = (0..length).map(|n| b'a' + (n % 26) as u8).collect();
            let alone = word(&name, 0, length);
            let inside = [b"x ", &name.to_ascii_uppercase()[..], b" from everywhere"].concat();
            assert_eq!(alone, word(&inside, 2, length + 2), "{length}");
            assert_ne!(alone, word(&inside, 2, length + 3), "{length}");
        }
    }

    #[test]
    fn zeros_count() {
        assert_ne!(raw(b""), raw(b"\0"));
        assert_ne!(raw(b"a"), raw(b"a\0"));
    }
}
