//! The lane by tables, and by any chunking of any transcript.

use super::*;
use proptest::prelude::*;

fn drain(lane: &mut Lane, most: usize) -> Vec<u8> {
    let mut out = Vec::new();
    let mut slices = [IoSlice::new(&[]); SLICES];
    let filled = lane.slices(&mut slices);
    for slice in &slices[..filled] {
        out.extend_from_slice(slice);
    }
    out.truncate(most);
    lane.send(out.len());
    out
}

fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    bytes.extend((body.len() as u32 + 4).to_be_bytes());
    bytes.extend(body);
    bytes
}

/// What each tag is judged in these tests: `f` forward, `s` swallow, `r` replace the header and 2 bytes by `<>`, `i` insert
/// `!` and forward, `h` hold until whole, then forward.
fn judge(lane: &mut Lane) {
    while let Ok(Some(frame)) = lane.frame() {
        let (tag, size, whole, seen) = (frame.tag, frame.size, frame.is_complete(), frame.body.len());
        match tag {
            b'f' => lane.forward(size),
            b's' => lane.swallow(size),
            b'r' if seen < 2 && !whole => return,
            b'r' => lane.replace(7.min(size), size, |out, _| out.extend(b"<>")),
            b'i' => {
                lane.insert(|out| out.push(b'!'));
                lane.forward(size);
            }
            _ if whole => lane.forward(size),
            _ => return lane.hold(size),
        }
    }
}

fn expected(messages: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, body) in messages {
        let bytes = message(*tag, body);
        match tag {
            b's' => {}
            b'r' => {
                out.extend(b"<>");
                out.extend(&bytes[7.min(bytes.len())..]);
            }
            b'i' => {
                out.push(b'!');
                out.extend(bytes);
            }
            _ => out.extend(bytes),
        }
    }
    out
}

fn play(messages: &[(u8, Vec<u8>)], capacity: usize, reads: &[usize], writes: &[usize]) -> Vec<u8> {
    let input: Vec<u8> = messages.iter().flat_map(|(tag, body)| message(*tag, body)).collect();
    let mut lane = Lane::new(capacity);
    let (mut at, mut out) = (0, Vec::new());
    let (mut reads, mut writes) = (reads.iter().cycle(), writes.iter().cycle());
    while at < input.len() || !lane.is_empty() {
        let room = lane.room();
        let count = room.len().min(*reads.next().unwrap()).min(input.len() - at);
        room[..count].copy_from_slice(&input[at..at + count]);
        at += count;
        lane.receive(count);
        judge(&mut lane);
        out.extend(drain(&mut lane, *writes.next().unwrap()));
    }
    out
}

#[test]
fn a_forwarded_query_is_one_slice_of_the_buffer() {
    let mut lane = Lane::new(64);
    let bytes = message(b'f', b"select 1");
    lane.room()[..bytes.len()].copy_from_slice(&bytes);
    lane.receive(bytes.len());
    judge(&mut lane);
    assert_eq!(lane.slice(), Some(&bytes[..]));
    lane.send(bytes.len());
    assert!(lane.is_empty() && lane.is_sent());
    assert_eq!(lane.room().len(), 64);
}

#[test]
fn a_frame_larger_than_the_lane_streams() {
    let messages = [(b'f', vec![7; 1000]), (b's', vec![8; 1000]), (b'r', vec![9; 1000])];
    assert_eq!(play(&messages, 16, &[16], &[16]), expected(&messages));
}

#[test]
fn a_held_frame_grows_the_lane_and_clear_gives_it_back() {
    let mut lane = Lane::new(16);
    let bytes = message(b'h', &[1; 100]);
    let mut at = 0;
    while at < bytes.len() {
        let room = lane.room();
        let count = room.len().min(bytes.len() - at);
        room[..count].copy_from_slice(&bytes[at..at + count]);
        lane.receive(count);
        at += count;
        judge(&mut lane);
    }
    assert_eq!(drain(&mut lane, usize::MAX), bytes);
    lane.clear();
    assert_eq!(lane.room().len(), 16);
}

#[test]
fn a_claimed_length_takes_no_memory() {
    let mut lane = Lane::new(16);
    lane.push(b"h\x3f\xff\xff\xff12345678901");
    judge(&mut lane);
    assert!(lane.room().len() <= 16);
}

proptest! {
    #[test]
    fn any_chunking_gives_the_same_bytes(
        messages in proptest::collection::vec((prop::sample::select(&b"fsrih"[..]), proptest::collection::vec(any::<u8>(), 0..60)), 0..20),
        capacity in 8usize..80,
        reads in proptest::collection::vec(1usize..50, 1..8),
        writes in proptest::collection::vec(1usize..50, 1..8),
    ) {
        prop_assert_eq!(play(&messages, capacity, &reads, &writes), expected(&messages));
    }
}
