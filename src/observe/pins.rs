//! What ties a client to its server: state of its session that cannot be carried to another. Pure.

use std::ops::{BitAnd, BitOr};

/// One reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Pin {
    /// Advisory locks that it holds for the session.
    Lock = 1,
    /// Temporary tables, views, sequences, functions.
    Temp = 1 << 1,
    /// Cursors WITH HOLD.
    Cursor = 1 << 2,
    /// Statements of SQL's PREPARE.
    Prepare = 1 << 3,
    /// Channels that it listens on.
    Listen = 1 << 4,
    /// A library that it has loaded, or what else ends with the session only: a backup, a connection of dblink.
    Load = 1 << 5,
    /// It reads what sequences gave it in earlier transactions.
    Sequence = 1 << 6,
    /// A setting under a name that was computed.
    Setting = 1 << 7,
}

impl Pin {
    /// All reasons.
    pub const ALL: [Pin; 8] =
        [Pin::Lock, Pin::Temp, Pin::Cursor, Pin::Prepare, Pin::Listen, Pin::Load, Pin::Sequence, Pin::Setting];

    /// As it stands in logs, in `/api/clients` and in the label `reason`.
    pub fn as_str(self) -> &'static str {
        match self {
            Pin::Lock => "advisory_lock",
            Pin::Temp => "temp",
            Pin::Cursor => "cursor",
            Pin::Prepare => "prepare",
            Pin::Listen => "listen",
            Pin::Load => "load",
            Pin::Sequence => "sequence",
            Pin::Setting => "setting",
        }
    }
}

/// A set of reasons.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Pins(u8);

impl Pins {
    /// Every reason that a server can be asked for.
    pub const ALL: Pins =
        Pins(Pin::Lock as u8 | Pin::Temp as u8 | Pin::Cursor as u8 | Pin::Prepare as u8 | Pin::Listen as u8);
    /// None.
    pub const NONE: Pins = Pins(0);

    /// As [`Pins::bits`] told it.
    pub fn from_bits(bits: u8) -> Pins {
        Pins(bits)
    }

    /// As a number, to be kept in an atomic.
    pub fn bits(self) -> u8 {
        self.0
    }

    /// Whether nothing ties the client.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this is among them.
    pub fn has(self, pin: Pin) -> bool {
        self.0 & pin as u8 != 0
    }

    /// With this one, or without it.
    #[must_use]
    pub fn with(self, pin: Pin, present: bool) -> Pins {
        Pins(if present { self.0 | pin as u8 } else { self.0 & !(pin as u8) })
    }

    /// Those that are not among `others`.
    #[must_use]
    pub fn without(self, others: Pins) -> Pins {
        Pins(self.0 & !others.0)
    }

    /// One after the other.
    pub fn iter(self) -> impl Iterator<Item = Pin> {
        Pin::ALL.into_iter().filter(move |pin| self.has(*pin))
    }

    /// Their names, with commas.
    pub fn names(self) -> String {
        self.iter().map(Pin::as_str).collect::<Vec<_>>().join(",")
    }
}

impl From<Pin> for Pins {
    fn from(pin: Pin) -> Pins {
        Pins(pin as u8)
    }
}

impl BitOr for Pins {
    type Output = Pins;

    fn bitor(self, other: Pins) -> Pins {
        Pins(self.0 | other.0)
    }
}

impl BitAnd for Pins {
    type Output = Pins;

    fn bitand(self, other: Pins) -> Pins {
        Pins(self.0 & other.0)
    }
}
