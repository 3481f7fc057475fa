//! In transaction mode pgweir says exactly what Postgres says: scripts of several clients, written by hand and by chance, are
//! played to both, and each client's replies compared, byte for byte.

#![allow(clippy::unwrap_used)]

mod support;

#[path = "same/chance.rs"]
mod chance;
#[path = "same/meanings.rs"]
mod meanings;
#[path = "same/messages.rs"]
mod messages;
#[path = "same/owing.rs"]
mod owing;
#[path = "same/player.rs"]
mod player;
#[path = "same/random.rs"]
mod random;
#[path = "same/requests.rs"]
mod requests;
#[path = "same/script.rs"]
mod script;
#[path = "same/sessions.rs"]
mod sessions;
#[path = "same/shrink.rs"]
mod shrink;
#[path = "same/texts.rs"]
mod texts;
#[path = "same/theatre.rs"]
mod theatre;

use script::Script;
use theatre::Theatre;

/// Each script is the same to Postgres and to pgweir.
fn check(scripts: &[&str]) {
    let mut theatre = Theatre::open();
    let mut differing = Vec::new();
    for script in scripts.iter().map(|text| Script::read(text)) {
        match theatre.compare(&script) {
            Ok(None) => {}
            Ok(Some(difference)) => differing.push(format!("{script}{difference}\n")),
            Err(why) => differing.push(format!("{script}is no script: {why}\n")),
        }
    }
    assert!(differing.is_empty(), "\n{}", differing.join("\n"));
}
