//! What the fuzzers begin with: real messages, for each target in its own form.

use crate::talk::{self, STAY};

/// Frames of both sides.
pub(crate) fn frame() -> Vec<Vec<u8>> {
    let turns = STAY.iter().map(|(client, server)| [talk::from_client(client), talk::from_server(server)].concat());
    turns.chain([b"Q\x3f\xff\xff\xffselect".to_vec(), b"Q\0\0\0\x03".to_vec()]).collect()
}

/// Startup packets, and `options`.
pub(crate) fn startup() -> Vec<Vec<u8>> {
    let bodies: [(u32, &[u8]); 6] = [
        (80_877_103, b""),
        (80_877_104, b""),
        (80_877_102, b"\0\0\0\x07key1"),
        (196_608, b"user\0a\0database\0b\0options\0-c a=b --c-d=e -cx=\\ y\0\0"),
        (196_610, b"user\0a\0_pq_.x\0y\0\0"),
        (131_072, b"user\0a\0\0"),
    ];
    let packets = bodies
        .iter()
        .map(|(code, body)| [&(8 + body.len() as u32).to_be_bytes()[..], &code.to_be_bytes(), body].concat());
    packets.chain([b"-c a=b --c-d=e -cx=\\ y".to_vec()]).collect()
}

/// Two messages of a SCRAM conversation, behind a byte that says whose they are.
pub(crate) fn scram() -> Vec<Vec<u8>> {
    let client = [
        "n,,n=user,r=rOprNGfwEbeRWgbNEkqO\0c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
        "y,,n=,r=abc,x=ext\0c=eSws,r=abc%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=AAAA",
        "p=tls-server-end-point,,n=,r=abc\0c=cD10bHM=,r=abc,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
    ];
    let server = [
        "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096\0\
         v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=",
        "r=rOprNGfwEbeRWgbNEkqOx,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=1000000,x=y\0e=other-error",
    ];
    let secret = "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:\
                  wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    let with = |kind: u8, text: &str| [&[kind], text.as_bytes()].concat();
    let clients = client.iter().flat_map(|text| [0, 3, 4].map(|kind| with(kind, text)));
    let servers = server.iter().flat_map(|text| [5, 6].map(|kind| with(kind, text)));
    clients.chain(servers).chain([with(7, secret)]).collect()
}

/// Texts with all that the lexer and its readers know.
pub(crate) fn sql() -> Vec<Vec<u8>> {
    let texts = [
        "select 1 as a, 'it''s', E'\\'\\x41', U&'\\0041' uescape '!', $a$ $$ $a$, B'01', x'1F', 1.5e3, 0x1F, $1::int",
        "set search_path to a, \"B\", 'c'; set local x.y = 1; reset all; set time zone interval '1' hour to minute",
        "select set_config('a.b', $1, false), pg_catalog.set_config('c', 'd', true), \"set_config\"('e', f, g)",
        "create temp table t on commit drop as select 1 /* a /* nested */ comment */ -- to the end\n; discard all",
        "declare c cursor with hold for select 1; prepare p as select 2; deallocate prepare p; listen x; unlisten *",
        "select pg_advisory_lock(1), pg_try_advisory_xact_lock(2), currval('s'), \"pg_advisory_unlock\"(1)",
        "do language plpgsql $x$ begin perform set_config('a','b',false); execute 'set role x'; end $x$",
        "set session characteristics as transaction isolation level serializable, read only, deferrable; set names 'x'",
        "set session authorization default; set role none; set xml option document; rollback to savepoint s; load 'x'",
        "explain (analyze, buffers) create temporary view v as select 1; select 1 into temp t; update pg_settings set x=1",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// Statements as ORMs write them, and what is hard about them.
pub(crate) fn shape() -> Vec<Vec<u8>> {
    let texts = [
        "SELECT \"t0\".\"id\", COUNT(*) FROM \"public\".\"User\" AS \"t0\" WHERE \"t0\".\"id\" IN ($1,$2) LIMIT $3 OFFSET $4",
        "select a.*, b::varchar(3) from a join b bb on a.id = bb.a_id where 7 = bb.c and d = any(array[1,2]::int[]) and e < -1",
        "insert into s.t (a, b) values (1, default), ('secretsecret'::text, array[[1],[2]]) on conflict do update set a = 2",
        "with x(y) as (select 1), z as materialized (delete from t returning *) select exists(select 1 from x where y = $1)",
        "update only t set a = (select max(b) from u where u.c = t.c), d = cast('x' as numeric(3, 2)) where (e, f) in ((1, 2))",
        "/*route='%2Fa',traceparent='00-1'*/ select 1 as one from t fetch first 5 rows only; commit -- pgweir: ok",
        "declare c cursor for select 1; fetch forward 10 from \"c\"; close c; savepoint a; rollback to a; prepare p as select 2",
        "create function f() returns int begin atomic select case when a then 1 end; end; select date '2020-02-02', interval '1' day",
        "select U&'x' uescape '!', $a$ $$ $a$, timestamp(3) with time zone 'x', 'a' -- b\n'c', pg_catalog.version() from pg_type",
        "a='b',c='it\\'s', d='%C3%A9%' pgweir : OK",
    ];
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The stay as a script: a turn each, many turns, and a pipeline that is too long.
pub(crate) fn dialogue() -> Vec<Vec<u8>> {
    let turns: Vec<Vec<u8>> = STAY.iter().map(script).collect();
    let whole = [&[240, 240][..], &turns.concat()].concat();
    let single = turns.iter().map(|turn| [&[0, 200][..], turn].concat());
    let pipeline = [&[255, 255][..], &[4, 255, 0].repeat(5), &[5, 255, 7, 255].repeat(20)].concat();
    single.chain([whole, pipeline]).collect()
}

fn script((client, server): &(&str, &str)) -> Vec<u8> {
    let mut out = Vec::new();
    for (event, bytes) in [(0, talk::from_client(client)), (1, talk::from_server(server))] {
        for chunk in bytes.chunks(255) {
            out.extend([event, chunk.len() as u8]);
            out.extend(chunk);
            out.extend([event + 5, 255, 7, 255]);
        }
    }
    out
}
