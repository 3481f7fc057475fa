//! Frames, and all that is read from their bodies: whatever the bytes, what is read lies within them.

use pgweir::protocol::Frame;
use pgweir::protocol::backend::{command_tag, error_fields, error_line, key_data, parameter_status, sqlstate};
use pgweir::protocol::frame::{HEADER, MAX_LENGTH};
use pgweir::protocol::frontend::{Bind, Object, Parse};

/// Reads frames one after the other, as both ends would.
pub(crate) fn run(data: &[u8]) {
    let mut rest = data;
    while let Ok(Some(frame)) = Frame::read(rest) {
        assert!((HEADER..=MAX_LENGTH as usize + 1).contains(&frame.size));
        assert!(frame.body.len() + HEADER <= rest.len().min(frame.size));
        assert_eq!(frame.is_complete(), frame.whole().is_some());
        from_client(frame.body);
        from_server(frame.body);
        match frame.is_complete() {
            true => rest = &rest[frame.size..],
            false => break,
        }
    }
}

fn from_client(body: &[u8]) {
    if let Some(parse) = Parse::read(body) {
        assert_eq!(parse.name.len() + 1 + parse.definition.len(), body.len());
        assert!(parse.query().len() < parse.definition.len());
    }
    if let Some(bind) = Bind::read(body) {
        assert!(bind.front() <= body.len());
    }
    for number in [1, 2, 65_535, u32::MAX] {
        let value = Bind::parameter(body, number);
        assert!(value.flatten().is_none_or(|value| value.len() <= body.len()));
    }
    if let Some(Object::Statement(name) | Object::Portal(name)) = Object::read(body) {
        assert_eq!(name.len() + 2, body.len());
    }
}

fn from_server(body: &[u8]) {
    let fields: usize = error_fields(body).map(|(_, text)| text.len() + 2).sum();
    assert!(fields <= body.len());
    assert!(command_tag(body).len() <= body.len());
    let _ = (error_line(body), sqlstate(body), key_data(body), parameter_status(body));
}
