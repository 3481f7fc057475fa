//! A server at rest is looked at before anyone else has it: what its client's statements left behind is noted, so that it
//! can be carried along, or found to tie the client to it. Where their texts do not tell, the server is asked; the client
//! has its answer already and does not wait for that.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use tracing::{info, warn};

use super::carry::Carry;
use super::farewell::Farewell;
use super::owed::Owed;
use super::question::Question;
use super::relay::Relay;
use super::watch::Settlement;
use super::worker::Exchange;
use crate::observe::pins::{Pin, Pins};
use crate::pool::Pool;
use crate::pool::inquiry::{self, Answer, Bodies, Others};
use crate::pool::usual;
use crate::protocol::encode::{self, Complaint};
use crate::protocol::{Frame, backend, sqlstate};
use crate::sql::redact;

/// A cancel that was meant for the client's last statement may hit the question; it is asked again so many times.
const MOST_TRIES: u8 = 3;

/// What is being found out.
#[derive(Debug, Default)]
pub(super) struct Settling {
    asked: Option<Box<Asked>>,
    /// The last batch after which the server was looked at without need.
    hunted: Option<u32>,
    /// The client's place among those that are tied to a server.
    tie: Option<Tie>,
}

#[derive(Debug)]
struct Asked {
    question: Question,
    /// The short one.
    is_short: bool,
    answer: Answer,
    failed: bool,
    tries: u8,
}

/// Counts a client that is tied to a server, until it is dropped.
#[derive(Debug)]
struct Tie(Arc<Pool>);

impl Tie {
    /// `None` when the pool has `most` of them already; 0 is no limit.
    fn take(pool: &Arc<Pool>, most: usize) -> Option<Tie> {
        let tied = pool.tied.fetch_add(1, Relaxed);
        let tie = Tie(pool.clone());
        (most == 0 || tied < most).then_some(tie)
    }
}

impl Drop for Tie {
    fn drop(&mut self) {
        self.0.tied.fetch_sub(1, Relaxed);
    }
}

impl Settling {
    /// Nothing is being found out, nobody is tied.
    #[inline]
    pub(super) fn clear(&mut self) {
        if self.asked.is_some() || self.tie.is_some() || self.hunted.is_some() {
            *self = Settling::default();
        }
    }

    /// Whether the server is being asked.
    pub(super) fn is_asking(&self) -> bool {
        self.asked.is_some()
    }
}

impl Relay<'_> {
    /// Whether all is known of what the client has left on its server, which is at rest. Where it is not, a question is on
    /// its way.
    pub(super) fn settle(&mut self) -> Result<bool, Farewell> {
        if self.exchange.watch.is_clean() && !self.hunts() {
            self.share_parameters();
            self.exchange.meaning.settle();
            return Ok(true);
        }
        self.look_closely()
    }

    #[cold]
    fn look_closely(&mut self) -> Result<bool, Farewell> {
        let listens = self.exchange.watch.take_listens();
        self.session.hear_no_more(&listens);
        match self.exchange.watch.settle(self.session.client.pins()) {
            Settlement::Known(changes) => {
                self.carry(|carry| changes.iter().for_each(|change| carry.apply(change)));
                self.exchange.meaning.settle();
                Ok(true)
            }
            Settlement::Ask(question) => {
                self.carry(|carry| question.changes.iter().for_each(|change| carry.apply(change)));
                self.ask(Asked { question, answer: Answer::default(), is_short: false, failed: false, tries: 0 })
            }
        }
    }

    fn ask(&mut self, mut asked: Asked) -> Result<bool, Farewell> {
        let short = self.short_question(&asked.question);
        asked.is_short = short.is_some();
        let sql = short.unwrap_or_else(|| self.whole_question(&asked.question));
        if sql.is_empty() {
            self.conclude(asked.question, Answer::default())?;
            return Ok(true);
        }
        self.send_ours(&sql, Owed::OurQuestion);
        self.exchange.settling.asked = Some(Box::new(asked));
        Ok(false)
    }

    /// The question as SQL; empty where there is nothing to be asked.
    fn whole_question(&self, question: &Question) -> String {
        let Question { names, spelled, known, all, pins, hunted, .. } = question;
        let parameters = &self.session.parameters;
        let guessed = spelled.iter().filter(|name| parameters.quiet(name).is_none() && !names.contains(name));
        let others = match hunted {
            Some(_) => Others::InFunctions(Bodies::of(parameters)),
            None if *all => Others::Listed,
            None => Others::None,
        };
        let known = parameters.all_quiet().filter(|_| *known || others != Others::None);
        let named = names.iter().map(|name| (&**name, false)).chain(known.map(|name| (name, false)));
        inquiry::sql(named.chain(guessed.map(|name| (&**name, true))), *pins, others)
    }

    /// The question, where nothing but what is known to leave settings of the application has to be looked after. What it may do
    /// beside that now and then is asked for as far as that costs nothing (`usual`), unless somebody else may have done it.
    fn short_question(&mut self, question: &Question) -> Option<String> {
        let on_suspect = self.is_on_suspect();
        let hunting = self.session.pool.hunt.is_on() && !on_suspect;
        let texts = question.hunted.as_ref().filter(|_| question.only_hunts() && !question.news && !hunting)?;
        let pool = &self.session.pool;
        let names = pool.culprits.customs(texts)?;
        let names = names.iter().map(|name| &**name);
        if on_suspect {
            return Some(usual::customs(names));
        }
        let judged = usual::can_be_judged(&self.session.parameters, |name| pool.lessons().unset(name).is_some());
        judged.then(|| usual::sql(names))
    }

    /// The server answers.
    #[cold]
    pub(super) fn hear_answer(asked: &mut Settling, frame: &Frame<'_>) {
        let Some(asked) = &mut asked.asked else { return };
        match frame.tag {
            backend::ROW => asked.failed |= frame.whole().and_then(|body| asked.answer.row(body)).is_none(),
            backend::ERROR => asked.failed = true,
            _ => {}
        }
    }

    /// The server has answered.
    #[cold]
    pub(super) fn take_answer(&mut self) -> Result<(), Farewell> {
        let Some(mut asked) = self.exchange.settling.asked.take() else { return Ok(()) };
        if !asked.failed {
            if asked.is_short {
                asked.question.pins = Pins::NONE;
            }
            return self.conclude(asked.question, asked.answer);
        }
        if !self.exchange.dialogue.is_at_rest() || self.up.is_mid_frame() {
            // The client goes on already; the server is asked when it is at rest again.
            self.exchange.watch.ask_again(asked.question);
            return Ok(());
        }
        (asked.failed, asked.answer, asked.tries) = (false, Answer::default(), asked.tries + 1);
        if asked.tries < MOST_TRIES {
            return self.ask(*asked).map(drop);
        }
        if asked.question.only_hunts() {
            return self.leave_open(asked.question);
        }
        self.server_lost(Some(std::io::Error::other("it does not tell what the session has left on it")));
        Ok(())
    }

    /// The server does not tell, perhaps for want of time: its client may have set `statement_timeout`. Nothing may be there at all: it is
    /// looked at before another client has it, or closed.
    fn leave_open(&mut self, question: Question) -> Result<(), Farewell> {
        if let Some(lease) = &mut self.lease {
            lease.server().suspect();
        }
        self.conclude(Question { pins: Pins::NONE, hunted: None, ..question }, Answer::default())
    }

    /// Whether the server is to be looked at though no text told of anything: once after each batch, while the pool looks
    /// for what leaves things behind; and always after a statement that is known to do so.
    fn hunts(&mut self) -> bool {
        let batch = self.exchange.dialogue.answering();
        let hunting = self.exchange.watch.has_caught() || self.session.pool.hunt.is_on();
        let due = hunting && self.exchange.settling.hunted != Some(batch) && self.is_to_be_believed();
        if due {
            self.exchange.settling.hunted = Some(batch);
            self.exchange.watch.hunt();
        }
        due
    }

    /// Whether what is found on the server can be told to be this client's. It may be somebody else's where the server has not been
    /// looked at in this hunt, which happens before another has it; but for what the client's own statements are known to leave.
    fn is_to_be_believed(&mut self) -> bool {
        if !self.is_on_suspect() {
            return true;
        }
        let caught = self.exchange.watch.only_caught();
        caught.is_some_and(|texts| self.session.pool.culprits.customs(texts).is_some())
    }

    fn is_on_suspect(&mut self) -> bool {
        self.lease.as_mut().is_some_and(|lease| lease.server().is_suspect())
    }

    /// What nobody could have known of but by asking: what leaves it behind has been found.
    fn tell_of_leaks(&self, question: &Question, answer: &Answer) {
        let Some(texts) = &question.hunted else { return };
        let pool = &self.session.pool;
        let form = |name: &str, value: &str| pool.lessons().form(name, value);
        let (known, ties) = (&self.session.parameters, self.session.client.pins() | question.expected);
        let leaks = answer.leaks(known, ties, &form);
        if leaks.is_empty() {
            // Where something is set, it may have been set to what it was.
            if answer.is_bare() {
                texts.iter().for_each(|text| pool.culprits.acquit(text));
            }
            return;
        }
        let customs = answer.leaked_customs(known, ties, &form);
        let news: Vec<&Box<[u8]>> = texts.iter().filter(|text| pool.culprits.add(text, customs.as_deref())).collect();
        if news.is_empty() {
            return;
        }
        pool.hunt.end();
        let client = &self.session.client;
        let statement = news.iter().map(|text| redact(text)).collect::<Vec<_>>().join("; ");
        warn!(event = "session_leak", database = %client.database, user = %client.user, id = client.id,
            left = leaks, statement, message = "this changes the session without saying so; from now on it is carried along, \
            at the price of a question to the server each time");
    }

    fn conclude(&mut self, question: Question, mut answer: Answer) -> Result<(), Farewell> {
        let pool = &self.session.pool;
        let unset = |name: &str| pool.lessons().unset(name).map(str::to_string);
        answer.judge_usual(&self.session.parameters, &unset);
        self.tell_of_leaks(&question, &answer);
        if self.exchange.dialogue.is_at_rest() {
            // Otherwise the client goes on already, and has perhaps changed what its texts mean.
            self.exchange.meaning.settle();
        }
        let known = self.session.parameters.clone();
        self.carry(|carry| {
            for (name, value) in answer.carried(&known) {
                carry.learn(name, value);
            }
        });
        let before = if question.released { Pins::NONE } else { self.session.client.pins() };
        let pins = before.without(question.pins) | answer.pins(&known) | question.tied;
        self.tie(pins, question.suspect.as_deref().unwrap_or_default())
    }

    /// What ties the client from now on.
    fn tie(&mut self, pins: Pins, suspect: &[u8]) -> Result<(), Farewell> {
        let before = self.session.client.pins();
        self.session.client.set_pins(pins);
        let settling = &mut self.exchange.settling;
        if pins.is_empty() {
            settling.tie = None;
            return Ok(());
        }
        if !pins.without(before).is_empty() {
            let client = &self.session.client;
            info!(event = "client_pinned", id = client.id, database = %client.database, user = %client.user,
                addr = %client.addr, reason = pins.without(before).names(), statement = redact(suspect));
        }
        if settling.tie.is_none() {
            let most = self.session.plan.settings.max_pinned;
            settling.tie = Tie::take(&self.session.pool, most);
            if settling.tie.is_none() {
                return Err(Farewell::told(too_many(pins, most)));
            }
        }
        Ok(())
    }

    /// What the server has reported has parted the client's parameters from its server's.
    fn share_parameters(&mut self) {
        let session = &self.session;
        if self.lease.as_mut().is_some_and(|lease| !Arc::ptr_eq(&lease.server().memory.parameters, &session.parameters))
        {
            self.carry(|_| ());
        }
    }

    /// Changes what the client and its server are known to have.
    #[cold]
    pub(super) fn carry(&mut self, change: impl FnOnce(&mut Carry<'_>)) {
        let (Some(lease), session) = (&mut self.lease, &mut *self.session) else { return };
        let memory = &mut lease.server().memory;
        let (mut client, mut server) = ((*session.parameters).clone(), (*memory.parameters).clone());
        change(&mut Carry { client: &mut client, server: &mut server, origin: &session.origin });
        // What the client has again, though its server had nothing to report.
        let down = &mut self.exchange.down;
        let told = client.all_reported().filter(|(name, value)| session.parameters.reported(name) != Some(value));
        told.for_each(|(name, value)| down.insert(|out| encode::parameter_status(out, name, value)));
        session.backslash = client.reads_backslashes();
        session.temporary = client.leads_to_temporary();
        session.dialect = None;
        session.parameters = session.pool.share(client);
        memory.parameters = session.pool.share(server);
    }

    /// Whether something is on the server that only its client may see, or may be: also what a text may have left that is to be asked
    /// about.
    pub(super) fn is_unclean(&self) -> bool {
        let Exchange { watch, settling, .. } = &*self.exchange;
        !self.session.client.pins().is_empty() || !watch.is_clean() || watch.has_passed() || settling.is_asking()
    }

    /// The client has its server no more.
    pub(super) fn untie(&mut self) {
        self.session.client.set_pins(Pins::NONE);
        self.exchange.settling.tie = None;
    }

    /// Whether what ties the client cannot be undone by any statement.
    pub(super) fn is_spoilt(&self) -> bool {
        self.session.client.pins().has(Pin::Load)
    }
}

fn too_many(pins: Pins, most: usize) -> Complaint {
    Complaint::fatal(
        sqlstate::FEATURE_NOT_SUPPORTED,
        format!("pgweir cannot keep another client on a server of its own: {} is in use", pins.names()),
    )
    .detail(format!("max_pinned is {most}, and so many clients of this pool are tied to their servers already."))
    .hint(
        "Give locks and temporary objects back before the transaction ends, raise max_pinned and pool_size, \
         or use pool_mode = \"session\".",
    )
}

#[cfg(test)]
#[path = "settle_tests.rs"]
mod tests;
