//! Whether what a client at rest has said is a request that a server is needed for. Pure.
//!
//! A request is a Query, a FunctionCall, or a batch up to its Sync or Flush. A server is not borrowed for the first Parse
//! of a batch that trickles in.

use crate::net::Lane;
use crate::protocol::frame::HEADER;
use crate::protocol::{Frame, frontend};

/// What lies in the lane of a client that has no server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Nothing yet that a server could answer.
    Incomplete,
    /// A request, or so much of one that it must be streamed.
    Complete,
    /// The client says goodbye.
    Terminate,
    /// Nothing that Postgres understands; the sentence is for the client.
    Violation(String),
}

/// Looks at what has arrived. What owes no answer at rest (a COPY's end that came late, a lone Flush) is dropped.
pub fn survey(lane: &mut Lane) -> Request {
    loop {
        let seen = match lane.frame() {
            Err(bad) => return Request::Violation(bad.to_string()),
            Ok(None) => return Request::Incomplete,
            Ok(Some(frame)) => match refusal(&frame) {
                Some(why) => return Request::Violation(why),
                None => (frame.tag, frame.size),
            },
        };
        match seen {
            (frontend::TERMINATE, _) => return Request::Terminate,
            (frontend::COPY_DATA | frontend::COPY_DONE | frontend::COPY_FAIL | frontend::FLUSH, size) => {
                lane.swallow(size)
            }
            _ => return look(lane.unjudged(), !lane.has_room()),
        }
    }
}

fn look(mut bytes: &[u8], full: bool) -> Request {
    loop {
        let frame = match Frame::read(bytes) {
            Err(bad) => return Request::Violation(bad.to_string()),
            Ok(None) if full => return Request::Complete,
            Ok(None) => return Request::Incomplete,
            Ok(Some(frame)) => frame,
        };
        if let Some(why) = refusal(&frame) {
            return Request::Violation(why);
        }
        let ends = matches!(
            frame.tag,
            frontend::QUERY | frontend::SYNC | frontend::FLUSH | frontend::FUNCTION_CALL | frontend::TERMINATE
        );
        match frame.is_complete() {
            true if ends => return Request::Complete,
            true => bytes = &bytes[frame.size..],
            false if full => return Request::Complete,
            false => return Request::Incomplete,
        }
    }
}

/// Whether the last of these messages is Terminate. What was asked for before it is done, as Postgres does, though its
/// client does not stay for the answer; one that leaves without a word has given it up.
pub fn says_goodbye(mut bytes: &[u8]) -> bool {
    while let Ok(Some(frame)) = Frame::read(bytes)
        && frame.is_complete()
    {
        if frame.size == bytes.len() {
            return frame.tag == frontend::TERMINATE;
        }
        bytes = &bytes[frame.size..];
    }
    false
}

/// Why a message is not one that a session may send; Postgres' sentences.
pub fn refusal(frame: &Frame<'_>) -> Option<String> {
    if !frontend::is_known(frame.tag) {
        return Some(format!("invalid frontend message type {}", frame.tag));
    }
    let too_long = frontend::is_small(frame.tag) && frame.size > frontend::MAX_SMALL + HEADER;
    too_long.then(|| "invalid message length".to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Messages by tag, `name+N` with a body of N bytes; `-N` cuts N bytes off the end.
    #[track_caller]
    fn check(words: &str, expected: &str) {
        let (mut bytes, mut cut) = (Vec::new(), 0);
        for word in words.split_whitespace() {
            if let Some(count) = word.strip_prefix('-') {
                cut = count.parse().unwrap();
                continue;
            }
            let (tag, size) = word.split_once('+').unwrap_or((word, "0"));
            let size: u32 = size.parse().unwrap();
            bytes.push(tag.as_bytes()[0]);
            bytes.extend((size + 4).to_be_bytes());
            bytes.extend(vec![0; size as usize]);
        }
        bytes.truncate(bytes.len() - cut);
        let mut lane = Lane::new(64);
        let count = bytes.len().min(64);
        lane.room()[..count].copy_from_slice(&bytes[..count]);
        lane.receive(count);
        let said = format!("{:?}", survey(&mut lane));
        assert_eq!(said.split('(').next().unwrap(), expected, "{words}");
    }

    #[test]
    fn goodbyes() {
        let said = |bytes: &[u8]| says_goodbye(bytes);
        assert!(said(b"X\0\0\0\x04"));
        assert!(said(b"Q\0\0\0\x05\0X\0\0\0\x04"));
        for none in
            [&b""[..], b"X", b"Q\0\0\0\x05\0", b"Q\0\0\0\x09X\0\0\0\x04", b"X\0\0\0\x04S\0\0\0\x04", b"X\0\0\0\0"]
        {
            assert!(!said(none), "{none:?}");
        }
    }

    #[test]
    fn requests() {
        check("", "Incomplete");
        check("Q", "Complete");
        check("Q+9 -1", "Incomplete");
        check("P+9 B+9 E+9", "Incomplete");
        check("P+9 B+9 E+9 S", "Complete");
        check("P+9 H", "Complete");
        check("P+9 H -1", "Incomplete");
        check("S", "Complete");
        check("F+9", "Complete");
        check("X", "Terminate");
        check("Q X", "Complete");
        check("d+9 c f H", "Incomplete");
        check("d+9 c Q", "Complete");
        check("d+9 X", "Terminate");
        check("Q+100", "Complete");
        check("P+100", "Complete");
        check("P+9 P+90", "Complete");
        check("z", "Violation");
        check("p+9", "Violation");
        check("P z", "Violation");
        check("S+20000", "Violation");
        check("H+20000", "Violation");
        check("c+20000", "Violation");
        check("X+20000", "Violation");
    }
}
