//! A client and a server that say anything, in any pieces, to sockets that take any number of bytes at once.

use crate::pair::Pair;

const CLIENT_TAGS: &[u8] = b"QPBDECSHFdcfX";
const SERVER_TAGS: &[u8] = b"RKSZENACIs123TntDGHWdcVv";

/// Messages that a client repeats this often fill the queue of replies owed.
const OFTEN: usize = 20_000;

/// A script's bytes, as far as they are not taken.
struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn bytes(&mut self, count: u8) -> &'a [u8] {
        let (bytes, rest) = self.0.split_at(self.0.len().min(count.into()));
        self.0 = rest;
        bytes
    }

    fn frame(&mut self, tags: &[u8], pick: u8) -> Vec<u8> {
        let length = self.byte().unwrap_or(0);
        let body = self.bytes(length);
        let mut frame = vec![tags[usize::from(pick) % tags.len()]];
        frame.extend((body.len() as u32 + 4).to_be_bytes());
        frame.extend(body);
        frame
    }
}

/// The network: what was said and has not been taken.
#[derive(Default)]
struct Said {
    bytes: Vec<u8>,
    at: usize,
}

impl Said {
    /// At most so many bytes move on; how many did.
    fn flow(&mut self, most: usize, mut into: impl FnMut(&[u8]) -> usize) -> usize {
        let end = self.bytes.len().min(self.at + most);
        let count = into(&self.bytes[self.at..end]);
        self.at += count;
        count
    }
}

/// The first two bytes are the lanes' sizes; then each pair of bytes is something that happens, and how much of it.
pub(crate) fn run(data: &[u8]) {
    let mut script = Script(data);
    let (Some(up), Some(down)) = (script.byte(), script.byte()) else { return };
    let mut pair = Pair::new(16 + usize::from(up), 16 + usize::from(down));
    let (mut client, mut server) = (Said::default(), Said::default());
    while let (Some(event), Some(much)) = (script.byte(), script.byte()) {
        match event % 8 {
            0 => client.bytes.extend(script.bytes(much)),
            1 => server.bytes.extend(script.bytes(much)),
            2 => client.bytes.extend(script.frame(CLIENT_TAGS, much)),
            3 => server.bytes.extend(script.frame(SERVER_TAGS, much)),
            4 if much == 255 && client.bytes.len() < 1 << 16 => {
                let frame = script.frame(CLIENT_TAGS, 4);
                (0..OFTEN).for_each(|_| client.bytes.extend(&frame));
            }
            4 | 5 => drop(client.flow(much.into(), |bytes| pair.client_says(bytes))),
            6 => drop(server.flow(much.into(), |bytes| pair.server_says(bytes))),
            _ => drop(pair.send(much.into())),
        }
    }
    finish(pair, client, server);
}

/// All that was said flows, until nothing does.
fn finish(mut pair: Pair, mut client: Said, mut server: Said) {
    loop {
        let heard =
            client.flow(4096, |bytes| pair.client_says(bytes)) + server.flow(4096, |bytes| pair.server_says(bytes));
        if !pair.send(usize::MAX >> 1) && heard == 0 {
            break;
        }
    }
    let said = client.bytes.len() + server.bytes.len();
    assert!(pair.to_client.len() <= said + 2 * client.bytes.len());
}
