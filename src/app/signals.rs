//! What the system and the operator tell us by signals.

use std::io;

use tokio::signal::unix::{Signal as Source, SignalKind, signal};

/// A signal, by what it asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signal {
    /// HUP
    Reload,
    /// USR1
    Pause,
    /// USR2
    Resume,
    /// TERM or INT
    Stop,
    /// QUIT
    Quit,
}

/// All that we listen to.
pub(super) struct Signals {
    hup: Source,
    usr1: Source,
    usr2: Source,
    term: Source,
    int: Source,
    quit: Source,
}

impl Signals {
    /// From now on.
    pub(super) fn listen() -> io::Result<Signals> {
        Ok(Signals {
            hup: signal(SignalKind::hangup())?,
            usr1: signal(SignalKind::user_defined1())?,
            usr2: signal(SignalKind::user_defined2())?,
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        })
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.hup.recv() => Signal::Reload,
            _ = self.usr1.recv() => Signal::Pause,
            _ = self.usr2.recv() => Signal::Resume,
            _ = self.term.recv() => Signal::Stop,
            _ = self.int.recv() => Signal::Stop,
            _ = self.quit.recv() => Signal::Quit,
        }
    }
}
