//! First packets: whatever the bytes, they are read or refused, and never more is waited for than a packet may have.

use pgweir::protocol::startup::{MAX_STARTUP, Startup, is_handshake, options, size};

/// Reads the bytes as a packet with its length, as one without, and as `options`.
pub(crate) fn run(data: &[u8]) {
    if let Ok(Some(length)) = size(data) {
        assert!((8..=MAX_STARTUP).contains(&length) && !is_handshake(data));
        read(&data[..length.min(data.len())]);
    }
    read(data);
    if let Ok(text) = std::str::from_utf8(data) {
        settings(text);
    }
}

fn read(packet: &[u8]) {
    match Startup::read(packet) {
        Ok(Startup::Session { parameters, .. }) => {
            let length: usize = parameters.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
            assert_eq!(length + 9, packet.len(), "all of it is read");
            parameters.iter().filter(|(name, _)| name == "options").for_each(|(_, value)| settings(value));
        }
        Ok(Startup::Cancel { key, .. }) => assert!(key.len() <= packet.len()),
        Ok(_) => {}
        Err(bad) => assert!(!bad.to_string().is_empty() && bad.sqlstate().len() == 5),
    }
}

fn settings(text: &str) {
    let length = |settings: Vec<(String, String)>| settings.iter().map(|(name, value)| name.len() + value.len()).sum();
    assert!(options(text).map_or(0, length) <= text.len());
}
