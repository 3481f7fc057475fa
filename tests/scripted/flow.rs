//! How bytes move: split anywhere, in masses, against a client that does not read; and what goes in front of them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use crate::support::PATIENCE;
use crate::support::proc::resident;
use crate::support::stage::Stage;
use crate::support::wire::{
    bind, complete, describe, description, done, error, execute, extended, message, notice, one_row,
};
use crate::support::wire::{parameter_status, parse, query, ready, row, sync};

/// Memory that a large result may cost beyond what was there before: buffers, what the allocator keeps, and the history that
/// begins with the first second of a pool.
const GROWTH: usize = 8 << 20;

#[test]
fn a_server_may_speak_one_byte_at_a_time() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("select 1"));
    assert_eq!(server.hear("Q"), "select 1");
    let said = [notice("slow"), parameter_status("TimeZone", "Asia/Tokyo"), one_row(b"1")].concat();
    for byte in &said {
        server.send(&[*byte]);
        stage.pgweir.settle();
    }
    let heard = client.expect("N S T D C Z").iter().flat_map(|message| message.bytes()).collect::<Vec<_>>();
    assert_eq!(heard, said);
}

#[test]
fn replies_may_be_split_anywhere() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    let replies = [message(b'1', b""), message(b'2', b""), description(), row(b"1"), done("SELECT 1", b'I')].concat();
    for at in 1..replies.len() {
        client.send(&extended("select 1"));
        server.expect("P B D E S");
        server.send(&replies[..at]);
        stage.pgweir.settle();
        server.send(&replies[at..]);
        let heard = client.expect("1 2 T D C Z").iter().flat_map(|message| message.bytes()).collect::<Vec<_>>();
        assert_eq!(heard, replies, "split at {at}");
    }
    stage.peer.expect_nobody();
}

/// Bytes of the largest value in the largest message that Postgres sends: nearly 1 GiB.
const HUGE: usize = (1 << 30) - 12;

#[test]
fn the_largest_row_streams_through() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    let before = resident(stage.pgweir.process_id());
    client.send(&query("select huge"));
    assert_eq!(server.hear("Q"), "select huge");
    let mut socket = server.writer();
    let writer = thread::spawn(move || {
        write_huge_row(&mut socket).unwrap();
        socket.write_all(&done("SELECT 1", b'I')).unwrap();
    });
    let most = read_watching(&mut client, HUGE + 11, stage.pgweir.process_id());
    assert!(most < before + GROWTH, "{before} bytes grew to {most}");
    client.expect("C Z");
    writer.join().unwrap();
    stage.converse(&mut client, &mut server);
}

/// A row of one value, a piece at a time.
fn write_huge_row(socket: &mut TcpStream) -> io::Result<()> {
    let (message, value) = ((HUGE + 10) as u32, HUGE as u32);
    socket.write_all(&[b"D", &message.to_be_bytes()[..], &[0, 1], &value.to_be_bytes()].concat())?;
    let piece = vec![b'x'; 1 << 20];
    for begin in (0..HUGE).step_by(piece.len()) {
        socket.write_all(&piece[..piece.len().min(HUGE - begin)])?;
    }
    Ok(())
}

/// Reads so many bytes; the most memory that the process had meanwhile.
fn read_watching(client: &mut crate::support::wire::Conn, mut left: usize, process_id: u32) -> usize {
    let (mut room, mut most) = (vec![0; 1 << 20], 0);
    while left > 0 {
        let some = left.min(room.len());
        let count = client.read_raw(&mut room[..some]);
        assert!(count > 0, "closed with {left} bytes to come");
        left -= count;
        most = most.max(resident(process_id));
    }
    most
}

/// Nobody takes more bytes once none was taken for so long.
const STUCK: Duration = Duration::from_millis(300);

#[test]
fn a_client_that_never_reads_holds_the_server_up_and_not_the_memory() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    stage.converse(&mut client, &mut server);
    let before = resident(stage.pgweir.process_id());
    client.send(&query("select much"));
    assert_eq!(server.hear("Q"), "select much");
    let chunk = row(&[b'x'; 1000]).repeat(1000);
    let (whole, part) = write_until_stuck(&server, &chunk);
    let most = resident(stage.pgweir.process_id());
    assert!(most < before + GROWTH, "{before} bytes grew to {most}");
    let mut socket = server.writer();
    let rest = [&chunk[part..], &done("SELECT 1", b'I')].concat();
    let writer = thread::spawn(move || socket.write_all(&rest).unwrap());
    read_watching(&mut client, (whole + 1) * chunk.len(), stage.pgweir.process_id());
    client.expect("C Z");
    writer.join().unwrap();
    stage.converse(&mut client, &mut server);
}

/// Writes a chunk again and again until it is no longer taken: how often it went out, how much of the last one did.
fn write_until_stuck(server: &crate::support::wire::Conn, chunk: &[u8]) -> (usize, usize) {
    let mut socket = server.writer();
    socket.set_write_timeout(Some(STUCK)).unwrap();
    let (mut whole, mut part) = (0, 0);
    while let Ok(count) = socket.write(&chunk[part..]) {
        part += count;
        if part == chunk.len() {
            (whole, part) = (whole + 1, 0);
        }
        assert!(whole < 1000, "a gigabyte went somewhere");
    }
    socket.set_write_timeout(Some(PATIENCE)).unwrap();
    (whole, part)
}

/// More than is owed at once, more than fits into any socket's buffer.
const SYNCS: usize = 1_000_000;

/// In a transaction, where they need a server.
#[test]
fn a_pipeline_of_a_million_syncs() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&query("begin"));
    server.answer("begin", &done("BEGIN", b'T'));
    client.expect("C Z");
    let before = resident(stage.pgweir.process_id());
    let replier = thread::spawn({
        let socket = server.writer();
        move || answer_syncs(socket)
    });
    let mut socket = client.writer();
    let writer = thread::spawn(move || socket.write_all(&sync().repeat(SYNCS)).unwrap());
    let mut most = 0;
    for number in 0..SYNCS {
        assert_eq!(client.expect("Z")[0].body, b"T");
        if number % 10_000 == 0 {
            most = most.max(resident(stage.pgweir.process_id()));
        }
    }
    assert!(most < before + GROWTH, "{before} bytes grew to {most}");
    writer.join().unwrap();
    replier.join().unwrap();
    client.expect_silence();
    client.send(&query("end"));
    server.answer("end", &done("COMMIT", b'I'));
    client.expect("C Z");
    stage.converse(&mut client, &mut server);
}

/// What comes is Sync, and Flush where pgweir wants to hear what it is owed before it says more; each of five bytes.
fn answer_syncs(mut socket: TcpStream) {
    let (mut room, mut read, mut answered) = (vec![0; 64 * 1024], 0, 0);
    while answered < SYNCS {
        let count = socket.read(&mut room).unwrap();
        assert!(count > 0, "closed after {answered}");
        // One whose first byte has come counts as come.
        let tags = room[..count].iter().skip((5 - read % 5) % 5).step_by(5);
        let syncs = tags.filter(|tag| **tag == b'S').count();
        socket.write_all(&ready(b'T').repeat(syncs)).unwrap();
        (read, answered) = (read + count, answered + syncs);
    }
}

#[test]
fn a_missing_parse_comes_with_what_needs_it() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&[parse("mine", "select 1"), sync()].concat());
    assert_eq!(server.hear("P S"), "");
    server.send(&[message(b'1', b""), ready(b'I')].concat());
    client.expect("1 Z");
    server.into_conn().close();
    client.send(&[bind("", "mine"), execute(), sync()].concat());
    let mut server = stage.peer.serve();
    let asked = server.expect_in_one_read("P B E S");
    assert_eq!(asked[0].text(), "pgweir_1 select 1");
    assert_eq!(asked[1].text(), " pgweir_1");
    let replies = [message(b'1', b""), message(b'2', b""), row(b"1"), complete("SELECT 1"), ready(b'I')];
    server.send(&replies.concat());
    client.expect("2 D C Z");
    client.send(&[bind("", "mine"), execute(), sync()].concat());
    server.expect_in_one_read("B E S");
    server.send(&replies[1..].concat());
    client.expect("2 D C Z");
}

#[test]
fn parameters_that_differ_come_with_the_query() {
    let stage = Stage::new("");
    let (mut traveller, mut server) = stage.first();
    let mut other = stage.client();
    traveller.send(&query("set timezone to 'Asia/Tokyo'"));
    let tokyo = parameter_status("TimeZone", "Asia/Tokyo");
    server.answer("set timezone to 'Asia/Tokyo'", &[tokyo.clone(), done("SET", b'I')].concat());
    traveller.expect("S C Z");
    for (of_other, zone) in [(true, "UTC"), (false, "Asia/Tokyo"), (true, "UTC")] {
        let client = if of_other { &mut other } else { &mut traveller };
        client.send(&extended("show timezone"));
        let asked = server.expect_in_one_read("Q P B D E S");
        assert_eq!(
            asked[0].text(),
            format!(
                "BEGIN ISOLATION LEVEL READ COMMITTED; SELECT pg_catalog.set_config('TimeZone', '{zone}', false); COMMIT"
            )
        );
        let ours = [parameter_status("TimeZone", zone), one_row(zone.as_bytes())].concat();
        let theirs = [message(b'1', b""), message(b'2', b""), one_row(zone.as_bytes())].concat();
        server.send(&[ours, theirs].concat());
        client.expect("1 2 T D C Z");
    }
}

#[test]
fn an_error_calls_a_statement_by_its_clients_name() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    client.send(&[parse("mine", "select 1"), sync()].concat());
    server.expect("P S");
    server.send(&[message(b'1', b""), ready(b'I')].concat());
    client.expect("1 Z");
    client.send(&[bind("", "unknown"), parse("mine", "x"), sync()].concat());
    server.expect("B P S");
    let unknown = error("ERROR", "26000", "prepared statement \"unknown\" does not exist");
    server.send(&[unknown, ready(b'I')].concat());
    client.expect("E Z");
    client.send(&[parse("mine", "select 2"), sync()].concat());
    assert_eq!(server.expect("P S")[0].text(), "pgweir_1 select 2");
    let said = error("ERROR", "42P05", "prepared statement \"pgweir_1\" already exists");
    server.send(&[said, ready(b'I')].concat());
    let told = client.expect_error("ERROR", "42P05");
    assert_eq!(told.field('M'), "prepared statement \"mine\" already exists");
    client.expect("Z");
}

#[test]
fn a_client_that_only_prepares_lets_its_server_go() {
    let stage = Stage::new("");
    let (mut client, mut server) = stage.first();
    let flush = message(b'H', b"");
    client.send(&[parse("mine", "select 1"), describe("Smine"), flush].concat());
    server.expect("P D H");
    let described = [message(b'1', b""), message(b't', &[0; 2]), description()].concat();
    server.send(&described);
    client.expect("1 t T");
    let mut other = stage.client();
    other.send(&query("select 2"));
    // The client does not say it, and hears nothing of it.
    server.expect("S");
    server.send(&ready(b'I'));
    server.answer("select 2", &one_row(b"2"));
    other.expect("T D C Z");
    client.expect_silence();
    client.send(&[bind("", "mine"), execute(), sync()].concat());
    server.expect_in_one_read("B E S");
    server.send(&[message(b'2', b""), row(b"1"), done("SELECT 1", b'I')].concat());
    client.expect("2 D C Z");
    stage.converse(&mut other, &mut server);
}

/// Should Postgres refuse a client's parameters, what comes with them finds a failed transaction; what comes after that waits, for the
/// client may end it.
#[test]
fn what_follows_the_first_batch_waits_for_parameters() {
    let stage = Stage::new("");
    let (mut traveller, mut server) = stage.first();
    let mut other = stage.client();
    traveller.send(&query("set timezone to 'Asia/Tokyo'"));
    let tokyo = parameter_status("TimeZone", "Asia/Tokyo");
    server.answer("set timezone to 'Asia/Tokyo'", &[tokyo, done("SET", b'I')].concat());
    traveller.expect("S C Z");
    other.send(&[query("begin"), query("commit"), query("insert")].concat());
    let asked = server.expect("Q Q");
    assert_eq!(asked[1].text(), "begin");
    server.send(&error("ERROR", "57014", "canceling statement due to user request"));
    server.send(&ready(b'E'));
    other.expect_error("FATAL", "08006");
    server.expect("X");
}
