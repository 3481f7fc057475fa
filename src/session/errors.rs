//! What becomes of a server's errors on their way to its client.

use std::sync::PoisonError;

use super::downward::Step;
use super::owed::{Owed, Verdict};
use super::relay::Relay;
use super::statements::Statements;
use super::stay::Session;
use super::worker::Exchange;
use crate::pool::catalog::PREFIX;
use crate::pool::ending::Ending;
use crate::protocol::backend::{self, error_fields};
use crate::protocol::encode::{self, Complaint};
use crate::protocol::sqlstate;

impl Relay<'_> {
    /// The session's parameters were refused. What the client asked for has come behind them, and found a transaction that has
    /// failed; its answer is not waited for.
    #[cold]
    pub(super) fn refused(&mut self) -> Step {
        let line = self.exchange.down.frame().ok().flatten().map(|frame| backend::error_line(frame.body));
        self.part("it refused a session's parameters", &refusal(&line.unwrap_or_default()));
        Step::Hold(0)
    }

    #[cold]
    pub(super) fn judge_error(&mut self, verdict: Verdict, next: Option<Owed>) -> Step {
        let (Exchange { down, course, .. }, lease) = (&mut *self.exchange, &mut self.lease);
        let Ok(Some(frame)) = down.frame() else { return Step::Hold(0) };
        if let Some(code) = backend::sqlstate(frame.body) {
            self.session.pool.meter(self.session.worker.index).error(code);
        }
        if backend::is_fatal(frame.body) {
            course.doomed = true;
            lease.iter_mut().for_each(|lease| lease.server().ends(Ending::said(frame.body)));
        }
        let code = backend::sqlstate(frame.body);
        if is_stale_plan(frame.body) {
            renew(self.session, next);
        }
        let statements = self.session.statements.as_deref();
        let ours = names_ours(frame.body, statements);
        if ours.is_some() && code == Some(sqlstate::INVALID_STATEMENT_NAME) {
            // Somebody has dropped it, and perhaps all, where nobody saw it: in a function.
            lease.iter_mut().for_each(|lease| lease.server().memory.doubt_statements());
        }
        if let (Some(sqlstate::DUPLICATE_STATEMENT), Some(Owed::OurParse(Some(id)) | Owed::Parse(Some(id)))) =
            (code, next)
        {
            // It has something of that name that nobody knows of.
            lease.iter_mut().for_each(|lease| lease.server().memory.unsure(id));
        }
        if next == Some(Owed::Parse(None)) && !self.exchange.dialogue.owes_parse() {
            // Postgres has dropped the unnamed statement before it looked at the new one.
            self.session.statements.iter_mut().for_each(|own| own.drop_unnamed());
        }
        let Ok(Some(frame)) = self.exchange.down.frame() else { return Step::Hold(0) };
        match verdict {
            // What ends the session is the client's, also where it answers a Sync of ours.
            Verdict::Swallow if !backend::is_fatal(frame.body) => Step::Swallow(frame.size),
            _ if next == Some(Owed::Refusal) && code == Some(sqlstate::FEATURE_NOT_SUPPORTED) => {
                Step::Refuse(frame.size)
            }
            _ if ours.is_some() => Step::Rename(frame.size),
            _ => Step::Forward(frame.size),
        }
    }

    /// Passes an error on with the client's name for a statement in place of ours.
    #[cold]
    pub(super) fn rename(&mut self, size: usize) {
        let statements = self.session.statements.as_deref();
        self.exchange.down.replace(size, size, |out, seen| {
            let body = &seen[5..];
            let Some((ours, name)) = names_ours(body, statements) else { return out.extend(seen) };
            encode::message(out, backend::ERROR, |out| {
                for (letter, text) in error_fields(body) {
                    out.push(letter);
                    match letter {
                        b'M' => encode::cstr(out, String::from_utf8_lossy(text).replace(&ours, &name).as_bytes()),
                        _ => encode::cstr(out, text),
                    }
                }
                out.push(0);
            });
        });
    }
}

/// What a client hears whose parameters the server has refused, in these words.
pub(super) fn refusal(line: &str) -> Complaint {
    let message = format!("the server refused this session's parameters: {line}");
    Complaint::fatal(sqlstate::CONNECTION_FAILURE, message)
        .detail("Nothing was run: it would have been run with the parameters of somebody else.")
        .hint("Connect again, and set what still can be set.")
}

/// The client is told that what it has bound is out of date. Whoever was told what the statement's result is hears that each
/// time, as from Postgres: it would misread another. Where nobody has asked, results tell themselves what they are, so from now on
/// the statement means what the text means now; for this client alone.
fn renew(session: &mut Session, next: Option<Owed>) {
    session.pool.redefine();
    let Session { pool, statements: Some(statements), .. } = session else { return };
    if let Some(Owed::Bind(Some(stale))) = next {
        let mut catalog = pool.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        statements.renew(stale, |old| catalog.intern(old.dialect, &old.definition));
    }
}

/// As Postgres says it; drivers know it by these words or by the name of the routine.
/// <https://github.com/postgres/postgres/blob/master/src/backend/utils/cache/plancache.c>
pub(super) fn stale_plan(out: &mut Vec<u8>) {
    let fields: [&[u8]; 6] = [
        b"SERROR",
        b"VERROR",
        b"C0A000",
        b"Mcached plan must not change result type",
        b"Fplancache.c",
        b"RRevalidateCachedQuery",
    ];
    encode::message(out, backend::ERROR, |out| {
        fields.iter().for_each(|field| encode::cstr(out, field));
        out.push(0);
    });
}

/// `cached plan must not change result type`: by the routine that says it, for the sentence may be translated.
fn is_stale_plan(body: &[u8]) -> bool {
    backend::error_field(body, b'R') == Some(b"RevalidateCachedQuery")
}

/// Our name for a statement in an error's message, in quotes, and the client's name for it.
fn names_ours(body: &[u8], statements: Option<&Statements>) -> Option<(String, String)> {
    let message = std::str::from_utf8(backend::error_field(body, b'M')?).ok()?;
    let start = message.find(&format!("\"{PREFIX}"))? + 1;
    let ours = message[start..].split('"').next()?;
    let name = statements?.client_name(ours.as_bytes())?;
    Some((format!("\"{ours}\""), format!("\"{}\"", String::from_utf8_lossy(name))))
}
