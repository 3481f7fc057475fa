//! A whole stay in words: what a client says, what its server says to that. And words as bytes.

use pgweir::protocol::encode;

/// Turn by turn. Words are tags with what is in them, `_` for a space; an upper-case `Z` is ReadyForQuery.
pub(crate) const STAY: &[(&str, &str)] = &[
    ("Q:select_1;_select_2", "T:a D:1 C:SELECT_1 T:b D:2 C:SELECT_1 Z:I"),
    ("Q: Q:select_nope", "I Z:I E:column_\"nope\" Z:I"),
    ("Q:set_timezone_to_'Asia/Tokyo' Q:show_datestyle", "S:TimeZone=Asia/Tokyo C:SET Z:I T:a D:German C:SHOW Z:I"),
    ("P:=select_'extended' B: D:P E S", "1 2 T:a D:extended C:SELECT_1 Z:I"),
    ("P:mine=select_generate_series(1,3) D:Smine S", "1 t: T:a Z:I"),
    ("B:mine D:P E S B:mine E S", "2 T:a D:1 D:2 s Z:I 2 D:1 D:2 D:3 C:SELECT_3 Z:I"),
    ("P:=select_1/0 B: E P:=select_'after' B: E S", "1 2 E:division Z:I"),
    ("P:=select_1 B:unknown E P:mine=x S", "1 E:no_such Z:I"),
    ("P:mine=select_2 S P:two=select_2 P:three=select_3 P:four=select_4 S", "1 E:taken Z:I 1 1 3 1 Z:I"),
    ("B:two E H", "2 D:2 C:SELECT_1"),
    ("B:three E S", "2 D:3 C:SELECT_1 Z:I"),
    ("C:Stwo C:Sunknown S S", "3 Z:I Z:I"),
    ("Q:deallocate_three Q:deallocate_nobody", "C:DEALLOCATE Z:I E:no_such Z:I"),
    ("Q:begin", "C:BEGIN Z:T"),
    ("Q:copy_t_from_stdin", "G:"),
    ("d:one d:two c", "C:COPY_2 Z:T"),
    ("P:=copy_t_from_stdin B: E d:one c S", "1 2 G: C:COPY_1 Z:T"),
    ("Q:copy_t_to_stdout", "H: d:one d:two c C:COPY_2 Z:T"),
    ("Q:copy_t_from_stdin d:one f:enough", "G: E:enough Z:E"),
    ("P:late=select_1 S Q:rollback", "E:aborted Z:E C:ROLLBACK Z:I"),
    ("P:=listen_x B: E S Q:notify_x", "1 2 C:LISTEN Z:I A:x N:well C:NOTIFY Z:I"),
    ("F:0 Q:discard_all", "V:5 Z:I C:DISCARD_ALL Z:I"),
    ("P:new=select_5 B:new E S", "1 2 D:5 C:SELECT_1 Z:I"),
    ("P:ahead=select_6 D:Sahead H", "1 t: T:a"),
    // ReadyForQuery for a Sync that the client has not sent.
    ("B:ahead E S", "Z:I 2 D:6 C:SELECT_1 Z:I"),
];

/// Messages of a client.
pub(crate) fn from_client(words: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, text) in split(words) {
        match tag {
            b'Q' => encode::query(&mut out, &text),
            b'P' => {
                let (name, query) = text.split_once('=').expect("a name and a text");
                encode::parse(&mut out, name.as_bytes(), &[query.as_bytes(), &[0, 0, 0]].concat());
            }
            b'B' => {
                encode::bind_front(&mut out, b"", text.as_bytes(), 6);
                out.extend([0; 6]);
            }
            b'E' => encode::message(&mut out, tag, |out| out.extend([0; 5])),
            b'D' | b'C' | b'f' => encode::message(&mut out, tag, |out| encode::cstr(out, text.as_bytes())),
            _ => encode::message(&mut out, tag, |out| out.extend(text.as_bytes())),
        }
    }
    out
}

/// Messages of a server.
pub(crate) fn from_server(words: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (tag, text) in split(words) {
        encode::message(&mut out, tag, |out| match tag {
            b'E' | b'N' => out.extend(format!("SERROR\0C42000\0M{text}\0\0").bytes()),
            b'S' => out.extend(format!("{text}\0").replace('=', "\0").bytes()),
            b'C' | b'A' => encode::cstr(out, text.as_bytes()),
            _ => out.extend(text.as_bytes()),
        });
    }
    out
}

fn split(words: &str) -> impl Iterator<Item = (u8, String)> {
    words.split(' ').map(|word| (word.as_bytes()[0], word.get(2..).unwrap_or("").replace('_', " ")))
}
