//! Makes a script that differs as short as can be.

use std::time::Duration;

use super::script::Script;
use super::theatre::Theatre;

/// A reply that is missing is missed many times.
const IMPATIENCE: Duration = Duration::from_millis(500);

/// Drops lines, many at first, for as long as the script still differs. It and the difference.
pub(crate) fn shrink(theatre: &mut Theatre, script: Script, difference: String) -> (Script, String) {
    let (mut best, mut how) = (script, difference);
    let patience = std::mem::replace(&mut theatre.patience, IMPATIENCE);
    let mut size = best.lines.len() / 2;
    while size > 0 {
        let mut at = 0;
        let before = best.lines.len();
        while at < best.lines.len() {
            let mut shorter = best.clone();
            shorter.lines.drain(at..(at + size).min(best.lines.len()));
            match theatre.compare(&shorter) {
                Ok(Some(difference)) => (best, how) = (shorter, difference),
                _ => at += size,
            }
        }
        // What could not go alone may go once another has gone.
        if size > 1 || best.lines.len() == before {
            size /= 2;
        }
    }
    theatre.patience = patience;
    (best, how)
}
