//! One message as far as it has arrived: a tag, a length, the part of the body seen so far. Borrows what it reads; knows
//! nothing of what the tags mean. Pure.

/// A tag and a length.
pub const HEADER: usize = 5;

/// No message is longer: Postgres allocates at most 1 GiB - 1 for one.
pub const MAX_LENGTH: u32 = 0x3fff_ffff;

/// A message's front and as much of its body as is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// What kind of message.
    pub tag: u8,
    /// The body without tag and length, perhaps not all of it.
    pub body: &'a [u8],
    /// The whole message, header included, in bytes.
    pub size: usize,
}

/// A length that no message has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("invalid length {length} in a message of type {tag:?}", tag = char::from(*tag))]
pub struct BadLength {
    /// The message's tag.
    pub tag: u8,
    /// What stood in place of the length.
    pub length: u32,
}

impl<'a> Frame<'a> {
    /// The frame that starts `bytes`; `None` until its header is there.
    pub fn read(bytes: &'a [u8]) -> Result<Option<Frame<'a>>, BadLength> {
        let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let tag = header[0];
        let length = u32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        if !(4..=MAX_LENGTH).contains(&length) {
            return Err(BadLength { tag, length });
        }
        let size = length as usize + 1;
        let body = &rest[..rest.len().min(size - HEADER)];
        Ok(Some(Frame { tag, body, size }))
    }

    /// Whether all of it is there.
    pub fn is_complete(&self) -> bool {
        self.body.len() + HEADER == self.size
    }

    /// The body, if all of it is there.
    pub fn whole(&self) -> Option<&'a [u8]> {
        self.is_complete().then_some(self.body)
    }
}

/// Cuts a zero-terminated string off the front: the string, what follows its zero. `None` without a zero.
pub fn cut_str(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    // Most names are empty.
    let end = if bytes.first() == Some(&0) { 0 } else { memchr::memchr(0, bytes)? };
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// Cuts a value off the front that has its length before it, as in DataRow and Bind: it, `None` for NULL, and what follows it.
#[inline]
pub fn cut_value(bytes: &[u8]) -> Option<(Option<&[u8]>, &[u8])> {
    let (size, rest) = bytes.split_first_chunk::<4>()?;
    match i32::from_be_bytes(*size) {
        -1 => Some((None, rest)),
        size => rest.split_at_checked(usize::try_from(size).ok()?).map(|(value, rest)| (Some(value), rest)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(bytes: &[u8], expected: &str) {
        let said = match Frame::read(bytes) {
            Ok(None) => "more".to_string(),
            Ok(Some(f)) => format!("{} {} {} {}", f.tag as char, f.size, f.body.len(), f.is_complete()),
            Err(bad) => format!("bad {}", bad.length),
        };
        assert_eq!(said, expected, "{bytes:?}");
    }

    #[test]
    fn headers() {
        check(b"", "more");
        check(b"S\0\0\0", "more");
        check(b"S\0\0\0\x04", "S 5 0 true");
        check(b"S\0\0\0\x04Q", "S 5 0 true");
        check(b"Q\0\0\0\x08ab", "Q 9 2 false");
        check(b"Q\0\0\0\x08abc\0Z", "Q 9 4 true");
        check(b"Q\0\0\0\0", "bad 0");
        check(b"Q\0\0\0\x03", "bad 3");
        check(b"Q\x7f\xff\xff\xff", "bad 2147483647");
        check(b"Q\xff\xff\xff\xff", "bad 4294967295");
        check(b"d\x3f\xff\xff\xffx", "d 1073741824 1 false");
    }

    #[test]
    fn strings() {
        assert_eq!(cut_str(b"ab\0c"), Some((&b"ab"[..], &b"c"[..])));
        assert_eq!(cut_str(b"\0"), Some((&b""[..], &b""[..])));
        assert_eq!(cut_str(b"ab"), None);
    }
}
