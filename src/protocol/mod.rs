//! The Postgres wire format, version 3: frames, the messages we read, the messages we write. Pure.
//!
//! Source of every fact: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

pub mod backend;
pub mod encode;
pub mod frame;
pub mod frontend;
pub mod sqlstate;
pub mod startup;

pub use frame::{BadLength, Frame};

/// ReadyForQuery's status byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TransactionStatus {
    /// `I`: no transaction.
    #[default]
    Idle,
    /// `T`: in a transaction.
    Open,
    /// `E`: in a transaction that failed.
    Failed,
}

impl TransactionStatus {
    /// From the byte of a ReadyForQuery.
    pub fn read(byte: u8) -> Option<TransactionStatus> {
        match byte {
            b'I' => Some(TransactionStatus::Idle),
            b'T' => Some(TransactionStatus::Open),
            b'E' => Some(TransactionStatus::Failed),
            _ => None,
        }
    }

    /// The byte of a ReadyForQuery.
    pub fn byte(self) -> u8 {
        match self {
            TransactionStatus::Idle => b'I',
            TransactionStatus::Open => b'T',
            TransactionStatus::Failed => b'E',
        }
    }
}
