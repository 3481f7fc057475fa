//! Log lines: one an event, to standard error, as text or JSON. Takes what `tracing` delivers, asks `limit` whether the
//! event may have another line this second, lets `line` write it and hands it to `queue`. Not a place for decisions about
//! what is worth a line: callers make those. Spans are not used.
//!
//! An event is `tracing::info!(event = "client_login", user, database, %addr)`, optionally with a `message`.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber, span};

use self::limit::{Limiter, Suppressed};
use self::line::{Form, Head, Line};
use self::out::Out;
use self::queue::{Queue, Take};
use crate::config::{self, LogFormat, LogLevel};

mod limit;
mod line;
mod out;
mod queue;

/// Makes this the log of the process. `is_terminal` says whether standard error is one: it decides the format when the
/// configuration does not, and whether there are colours. Called once, at the start of `main`; when the process has
/// another `tracing` subscriber already, that one stays.
pub fn init(log: &config::Log, is_terminal: bool) -> LogGuard {
    let (lines, guard) = start(log, is_terminal, Box::new(io::stderr()));
    if tracing::subscriber::set_global_default(lines).is_err() {
        tracing::debug!(event = "log_kept", message = "another log was there before");
    }
    guard
}

/// Keeps the log alive. When it is dropped, everything that waits is written; what is logged later is written at once.
/// So it must be dropped before `std::process::exit`.
#[derive(Debug)]
pub struct LogGuard {
    log: Arc<Log>,
}

impl LogGuard {
    /// Takes a new format, level and limit from now on.
    pub fn reload(&self, log: &config::Log) {
        let settings = Settings::new(log, self.log.settings().is_terminal);
        self.log.limiter().set_per_second(log.max_lines_per_second);
        *self.log.settings.write().unwrap_or_else(PoisonError::into_inner) = settings;
        tracing::callsite::rebuild_interest_cache();
    }
}

impl Drop for LogGuard {
    fn drop(&mut self) {
        self.log.queue.close(FLUSH_PATIENCE);
    }
}

/// A reader of our standard error that has stopped reading must not keep us from exiting.
const FLUSH_PATIENCE: Duration = Duration::from_secs(3);

/// How long a suppressed count may wait for its line.
const TICK: Duration = Duration::from_secs(1);

fn start(log: &config::Log, is_terminal: bool, out: Box<dyn Write + Send>) -> (Lines, LogGuard) {
    let log = Arc::new(Log {
        settings: RwLock::new(Settings::new(log, is_terminal)),
        limiter: Mutex::new(Limiter::new(log.max_lines_per_second)),
        queue: Queue::default(),
        out: Mutex::new(Out::new(out)),
        started: Instant::now(),
    });
    let writer = Arc::clone(&log);
    let spawned = thread::Builder::new().name("pgweir-log".to_owned()).spawn(move || writer.write_until_closed());
    if spawned.is_err() {
        // No thread, no queue: every line is written where it is made.
        log.queue.closed();
    }
    (Lines(Arc::clone(&log)), LogGuard { log })
}

/// What `tracing` talks to.
struct Lines(Arc<Log>);

impl Subscriber for Lines {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.enabled(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() <= self.0.settings().most_verbose(metadata.target())
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(self.0.settings().level)
    }

    fn event(&self, event: &Event<'_>) {
        self.0.event(event);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

/// What a reload changes.
#[derive(Debug, Clone, Copy)]
struct Settings {
    level: LevelFilter,
    form: Form,
    is_terminal: bool,
}

impl Settings {
    fn new(log: &config::Log, is_terminal: bool) -> Settings {
        let form = match (log.format, is_terminal) {
            (Some(LogFormat::Json), _) | (None, false) => Form::Json,
            (Some(LogFormat::Text), _) | (None, true) => Form::Text { colour: is_terminal },
        };
        Settings { level: filter(log.level), form, is_terminal }
    }

    /// Our own events as the operator wants them; the crates below us only when something is wrong.
    fn most_verbose(&self, target: &str) -> LevelFilter {
        if target.starts_with(env!("CARGO_PKG_NAME")) { self.level } else { self.level.min(LevelFilter::WARN) }
    }
}

fn filter(level: LogLevel) -> LevelFilter {
    match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

struct Log {
    settings: RwLock<Settings>,
    limiter: Mutex<Limiter>,
    queue: Queue,
    /// Locked by the writer's thread for each batch, and by everybody once that thread is gone.
    out: Mutex<Out>,
    started: Instant,
}

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Log {
    fn event(&self, event: &Event<'_>) {
        let head = Head::of(event);
        if self.limiter().admit(&head.event, self.second()) {
            let mut line = Line::new(
                self.settings().form,
                Timestamp::now(),
                *event.metadata().level(),
                &head.event,
                &head.message,
            );
            event.record(&mut line);
            self.put(&line.finish());
        }
    }

    fn put(&self, line: &str) {
        if !self.queue.push(line) {
            self.write(line);
        }
    }

    /// The writer's thread.
    fn write_until_closed(&self) {
        let mut lines = String::new();
        loop {
            let take = self.queue.take(&mut lines, TICK);
            // The last batch does not wait for its second to turn.
            let second = self.second() + u64::from(take == Take::Last);
            self.add_suppressed(&mut lines, second);
            self.write(&lines);
            if take == Take::Last {
                return self.queue.closed();
            }
        }
    }

    fn add_suppressed(&self, lines: &mut String, second: u64) {
        let suppressed = self.limiter().due(second);
        for Suppressed { event, count } in suppressed {
            lines.push_str(&self.suppressed_line(&event, count, "max_lines_per_second"));
        }
        match self.queue.lost() {
            0 => {}
            count => lines.push_str(&self.suppressed_line("*", count, "standard error is not read fast enough")),
        }
    }

    fn suppressed_line(&self, of: &str, count: u64, reason: &str) -> String {
        let mut line = Line::new(self.settings().form, Timestamp::now(), Level::WARN, "suppressed", "");
        line.text("of", of);
        line.plain("count", count);
        line.text("reason", reason);
        line.finish()
    }

    /// While standard error takes nothing, nobody is there to be told; when it does again, that comes first.
    fn write(&self, lines: &str) {
        let mut out = self.out.lock().unwrap_or_else(PoisonError::into_inner);
        let lost = out.lost();
        if lost > 0 {
            out.confess(&self.suppressed_line("*", lost, "standard error took no more"));
        }
        if !lines.is_empty() {
            out.write(lines);
        }
    }

    fn settings(&self) -> Settings {
        *self.settings.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn limiter(&self) -> MutexGuard<'_, Limiter> {
        self.limiter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn second(&self) -> u64 {
        self.started.elapsed().as_secs()
    }
}

#[cfg(test)]
mod tests;
