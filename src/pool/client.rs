//! What others may know of a client, and how to reach it: its state and counts for those who look, a word in its ear, its
//! waker. Not its conversation (`session`). The session writes, anyone reads.

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Waker;
use std::time::Duration;

use jiff::Timestamp;

use super::cancel::Line;
use super::mail::Mailbox;
use crate::observe::count::Count;
use crate::observe::pins::Pins;
use crate::observe::snapshot::{ClientState, ClientView, Running};
use crate::observe::who::{Addr, Who};
use crate::sql::digest::Digest;

/// One client, from its login on.
#[derive(Debug)]
pub struct Client {
    /// Ours, unique; it is the process id that the client is told.
    pub id: u32,
    /// What a CancelRequest must show: four bytes, or more for a client of protocol 3.2.
    pub secret: Box<[u8]>,
    /// Where it lives.
    pub worker: usize,
    /// The name that it asked for.
    pub database: Arc<str>,
    /// The user that it logged in as.
    pub user: Arc<str>,
    /// Where it comes from.
    pub addr: Addr,
    /// When it came, in µs since 1970.
    connected_at: i64,
    /// Statements that are over.
    pub queries: Count,
    /// Transactions that are over.
    pub transactions: Count,
    wait_us: Count,
    query_us: Count,
    state: AtomicU8,
    /// The shape that its server runs, where that is known: see [`Client::set_running`].
    running: AtomicU64,
    /// What it did when it was last looked at, and since when, in ms since 1970: see [`Client::look`].
    looked: [AtomicU64; 2],
    /// What of it was running then, as a number, and since when, in s since 1970; each in 32 bits.
    steady: AtomicU64,
    /// It waits with its request unread.
    unread: AtomicBool,
    /// What ties it to its server.
    pins: AtomicU8,
    word: AtomicU8,
    /// In ms of the worker's clock; 0 for none.
    deadline: AtomicU64,
    waker: OnceLock<Waker>,
    /// Only of clients that listen to notifications.
    mail: OnceLock<Box<Mailbox>>,
    application_name: Mutex<Arc<str>>,
    line: Mutex<Option<Arc<Line>>>,
}

/// No shape is called that.
const NOTHING: u64 = u64::MAX;

/// Nor that.
const AT_REST: u64 = u64::MAX - 1;

/// Tells a look at a client that has done nothing from no look.
const LOOKED: u64 = 0x80;

/// What a session is told from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Word {
    /// Nothing.
    None = 0,
    /// A CancelRequest came while it waited.
    Cancel = 1,
    /// The deadline that it set itself has passed.
    Deadline = 2,
    /// We are on the way out: leave when the transaction is over.
    Drain = 3,
    /// Leave now.
    Leave = 4,
}

/// Who a client is, for [`Client::new`].
#[derive(Debug)]
#[allow(missing_docs)] // as in Client
pub struct Identity {
    pub id: u32,
    pub secret: Box<[u8]>,
    pub worker: usize,
    pub database: Arc<str>,
    pub user: Arc<str>,
    pub addr: Addr,
    pub application_name: Arc<str>,
}

impl Client {
    /// A client that has just logged in.
    pub fn new(who: Identity, connected_at: Timestamp) -> Client {
        Client {
            id: who.id,
            secret: who.secret,
            worker: who.worker,
            database: who.database,
            user: who.user,
            addr: who.addr,
            connected_at: connected_at.as_microsecond(),
            queries: Count::default(),
            transactions: Count::default(),
            wait_us: Count::default(),
            query_us: Count::default(),
            state: AtomicU8::new(0),
            running: AtomicU64::new(0),
            looked: [AtomicU64::new(0), AtomicU64::new(0)],
            steady: AtomicU64::new(0),
            unread: AtomicBool::new(false),
            pins: AtomicU8::new(0),
            word: AtomicU8::new(0),
            deadline: AtomicU64::new(0),
            waker: OnceLock::new(),
            mail: OnceLock::new(),
            application_name: Mutex::new(who.application_name),
            line: Mutex::new(None),
        }
    }

    /// The session's task, once and for all: it never changes.
    pub fn set_waker(&self, waker: &Waker) {
        self.waker.get_or_init(|| waker.clone());
    }

    /// Has the session look around.
    pub fn wake(&self) {
        if let Some(waker) = self.waker.get() {
            waker.wake_by_ref();
        }
    }

    /// Has a message for the client, to be sent when it is between two statements.
    pub fn post(&self, letter: &Arc<[u8]>) {
        self.mail.get_or_init(Box::default).put(letter);
        self.wake();
    }

    /// Messages that others have for the client, if there are any.
    #[inline]
    pub fn mail(&self) -> Option<&Mailbox> {
        self.mail.get().map(|mail| &**mail).filter(|mail| mail.is_full())
    }

    /// Says something to the session. A more serious word is not taken back by a lesser one.
    pub fn tell(&self, word: Word) {
        self.word.fetch_max(word as u8, Relaxed);
        self.wake();
    }

    /// What the session was told, not taken back.
    #[inline]
    pub fn word(&self) -> Word {
        match self.word.load(Relaxed) {
            0 => Word::None,
            1 => Word::Cancel,
            2 => Word::Deadline,
            3 => Word::Drain,
            _ => Word::Leave,
        }
    }

    /// Forgets a Cancel or a Deadline; what is more serious stays.
    pub fn unsay(&self) {
        let _ = self.word.fetch_update(Relaxed, Relaxed, |word| (word <= Word::Deadline as u8).then_some(0));
    }

    /// When the session wants to be told that time is up, in ms of the process' clock; 0 for never.
    #[inline]
    pub fn set_deadline(&self, at: u64) {
        self.deadline.store(at, Relaxed);
    }

    /// Tells the session that time is up, if it is.
    pub fn check_deadline(&self, now: u64) {
        let deadline = self.deadline.load(Relaxed);
        if deadline != 0 && deadline <= now {
            self.deadline.store(0, Relaxed);
            self.tell(Word::Deadline);
        }
    }

    /// What it does now.
    #[inline]
    pub fn set_state(&self, state: ClientState) {
        self.state.store(state as u8, Relaxed);
    }

    /// What its server runs for it; nothing, in a transaction that is open.
    #[inline]
    pub fn set_running(&self, digest: Option<Digest>) {
        self.running.store(digest.map_or(NOTHING, |digest| digest.0), Relaxed);
    }

    /// Its server runs nothing for it, outside of a transaction.
    #[inline]
    pub fn set_at_rest(&self) {
        self.running.store(AT_REST, Relaxed);
    }

    /// Its server prepares something for it.
    #[inline]
    pub fn set_preparing(&self) {
        self.running.store(0, Relaxed);
    }

    fn running(&self) -> Running {
        match (self.state(), self.running.load(Relaxed)) {
            (ClientState::Active, NOTHING) => Running::Nothing,
            (ClientState::Active, AT_REST) => Running::AtRest,
            (ClientState::Active, digest @ 1..) => Running::Statement(Digest(digest)),
            _ => Running::Unknown,
        }
    }

    /// Is called once a second, by nobody but the one who takes the pictures: notes since when the client does what it does,
    /// so that the path need not. A transaction that has ended meanwhile begins anew.
    pub fn look(&self, now: Timestamp) {
        let doing = self.transactions.get() << 8 | u64::from(self.state.load(Relaxed)) | LOOKED;
        if self.looked[0].swap(doing, Relaxed) != doing {
            self.looked[1].store(u64::try_from(now.as_millisecond()).unwrap_or_default(), Relaxed);
        }
        let (tag, seconds) = (self.running_tag(), u64::try_from(now.as_second()).unwrap_or_default());
        if self.state() != ClientState::Active {
            self.steady.store(0, Relaxed);
        } else if self.steady.load(Relaxed) >> 32 != tag {
            self.steady.store(tag << 32 | seconds & 0xffff_ffff, Relaxed);
        }
    }

    /// Another one whenever something has ended or begun.
    fn running_tag(&self) -> u64 {
        (self.queries.get().wrapping_mul(0x9e37_79b9) ^ self.running.load(Relaxed)) & 0xffff_ffff
    }

    /// Since when it was seen running what it runs; `None` before the first look.
    fn running_since(&self) -> Option<Timestamp> {
        let steady = self.steady.load(Relaxed);
        let is_same = steady >> 32 == self.running_tag() && steady & 0xffff_ffff != 0;
        is_same.then(|| Timestamp::from_second((steady & 0xffff_ffff) as i64).ok()).flatten()
    }

    /// Since when it has done what it does, to the second; `None` before the first look.
    fn since(&self) -> Option<Timestamp> {
        let doing = self.looked[0].load(Relaxed);
        let is_same = doing & 0x7f == u64::from(self.state.load(Relaxed));
        let at = i64::try_from(self.looked[1].load(Relaxed)).unwrap_or_default();
        (doing != 0 && is_same).then(|| Timestamp::from_millisecond(at).ok()).flatten()
    }

    /// What ties it to its server.
    #[inline]
    pub fn pins(&self) -> Pins {
        Pins::from_bits(self.pins.load(Relaxed))
    }

    /// What ties it to its server from now on.
    pub fn set_pins(&self, pins: Pins) {
        self.pins.store(pins.bits(), Relaxed);
    }

    /// Whether it waits with its request unread.
    #[inline]
    pub fn set_unread(&self, unread: bool) {
        self.unread.store(unread, Relaxed);
    }

    /// Whether it waits with its request unread.
    pub fn is_unread(&self) -> bool {
        self.unread.load(Relaxed)
    }

    /// What it does now.
    pub fn state(&self) -> ClientState {
        match self.state.load(Relaxed) {
            state if state == ClientState::Active as u8 => ClientState::Active,
            state if state == ClientState::Waiting as u8 => ClientState::Waiting,
            _ => ClientState::Idle,
        }
    }

    /// Time that it spent waiting, time that its statements took.
    #[inline]
    pub fn spent(&self, wait: Duration, query: Duration) {
        self.wait_us.add(wait.as_micros() as u64);
        self.query_us.add(query.as_micros() as u64);
    }

    /// What it calls itself now.
    pub fn set_application_name(&self, name: &str) {
        *self.application_name.lock().unwrap_or_else(PoisonError::into_inner) = name.into();
    }

    /// The server that serves it, for those who want to cancel. `None` when it has none.
    #[inline]
    pub fn set_line(&self, line: Option<Arc<Line>>) {
        *self.lock_line() = line;
    }

    /// Runs `look` on the server that serves it, which cannot change meanwhile.
    pub fn with_line<R>(&self, look: impl FnOnce(Option<&Arc<Line>>) -> R) -> R {
        look(self.lock_line().as_ref())
    }

    /// Whose statements its are.
    pub fn who(&self) -> Who {
        let application_name = self.application_name.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Who { database: self.database.clone(), user: self.user.clone(), application_name, host: self.addr.host() }
    }

    /// How it looks from outside.
    pub fn view(&self) -> ClientView {
        ClientView {
            id: u64::from(self.id),
            database: self.database.clone(),
            user: self.user.clone(),
            application_name: self.application_name.lock().unwrap_or_else(PoisonError::into_inner).clone(),
            addr: self.addr.to_string().into(),
            state: self.state(),
            since: self.since(),
            running: self.running(),
            running_since: self.running_since(),
            pins: self.pins(),
            connected_at: Timestamp::from_microsecond(self.connected_at).unwrap_or_default(),
            queries: self.queries.get(),
            transactions: self.transactions.get(),
            wait: Duration::from_micros(self.wait_us.get()),
            query: Duration::from_micros(self.query_us.get()),
        }
    }

    fn lock_line(&self) -> std::sync::MutexGuard<'_, Option<Arc<Line>>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
