//! The words of a dialogue: what is owed for which message, what becomes of one, what has been completed. Pure.

use crate::pool::memory::StatementId;
use crate::protocol::{backend, encode, frontend};

/// A reply that is still to come, in the order of the messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// Anything up to ReadyForQuery.
    Query,
    /// FunctionCallResponse, ReadyForQuery.
    FunctionCall,
    /// ReadyForQuery.
    Sync,
    /// ParseComplete, of a named statement where there is an id.
    Parse(Option<StatementId>),
    /// The error for a Parse of a name that is taken.
    Taken,
    /// BindComplete, of a named statement where there is an id.
    Bind(Option<StatementId>),
    /// RowDescription or NoData, perhaps after ParameterDescription; of a statement of which nobody knows them yet where there is
    /// an id.
    Describe(Option<StatementId>),
    /// CommandComplete, EmptyQueryResponse, PortalSuspended, or a COPY.
    Execute,
    /// CloseComplete.
    Close,
    /// Nothing: the client ended a COPY here that the server may not have begun yet.
    CopyEnd,
    /// Nothing from the server: we answer when it is this message's turn.
    Answer(Answer),
    /// Ours, swallowed: anything up to ReadyForQuery.
    OurQuery,
    /// Ours, swallowed: anything up to ReadyForQuery, with the answer to a question (`inquiry`) in it.
    OurQuestion,
    /// Ours, swallowed: ReadyForQuery.
    OurSync,
    /// Ours, swallowed: ParseComplete.
    OurParse(Option<StatementId>),
    /// Ours, swallowed: CloseComplete.
    OurClose(Option<StatementId>),
    /// Ours, swallowed: ParameterDescription, then RowDescription or NoData.
    OurDescribe,
    /// Ours, swallowed: BindComplete.
    OurBind,
    /// An error, which we have asked for in place of what the client has sent.
    Refusal,
}

/// What we answer in place of the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// To the Parse of a statement that the server has already.
    Parsed,
    /// To the Close of a name that is the client's and not the server's.
    Closed,
}

/// What messages of the extended protocol have left open since the last Sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Open {
    /// Nothing.
    #[default]
    No,
    /// Statements are being prepared, described, closed. A portal is described or closed like them: without a Bind before it,
    /// and outside a transaction, it is none, or a cursor that survives a Sync.
    Preparing,
    /// The same, and with a Flush the client has said all that it has to say for now.
    Prepared,
    /// Something was bound: there may be a portal, locks, work that is not committed.
    Bound,
}

/// What the server makes of the client's messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Phase {
    #[default]
    Normal,
    /// After an error: the server ignores everything up to the next Sync.
    Skipping,
    /// The server reads CopyData, and ignores Sync and Flush.
    CopyIn,
}

/// What becomes of a frame from the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// To the client.
    Forward,
    /// To nobody.
    Swallow,
}

/// What became of a message from the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heed {
    /// The server is to see it.
    Send,
    /// The server would ignore it, so it need not see it.
    Ignore,
}

/// What has been completed since it was last asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Statements, whatever their outcome.
    pub statements: u32,
    /// Transactions.
    pub transactions: u32,
    /// What texts mean may have changed: a table, a type, a function was made, altered or dropped.
    pub redefined: bool,
    /// What functions do may have.
    pub functions: bool,
    /// What sessions start with may have changed, for all.
    pub altered: bool,
    /// There may be a database of a name that there was none of.
    pub named: bool,
}

/// How the client's changes of its names turned out, in the order of the replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled {
    /// So many succeeded.
    Kept(u32),
    /// So many failed or were skipped.
    Undone(u32),
    /// A Parse of the unnamed statement was skipped, and what that was before is not kept: now it is none.
    UnnamedSkipped,
    /// The server dropped all its statements at the client's wish.
    AllDropped,
    /// `DEALLOCATE` of a single name succeeded.
    Deallocated,
}

impl Open {
    /// When the client has sent this as well, which is no Sync, Query or FunctionCall.
    pub(super) fn after(self, tag: u8) -> Open {
        match (self, tag) {
            (_, frontend::BIND | frontend::EXECUTE) | (Open::Bound, _) => Open::Bound,
            (_, frontend::PARSE | frontend::DESCRIBE | frontend::CLOSE) => Open::Preparing,
            (Open::Preparing, frontend::FLUSH) => Open::Prepared,
            (open, _) => open,
        }
    }

    /// When that was sent as well for which this is owed.
    pub(super) fn after_sending(self, owed: &Owed) -> Open {
        match owed {
            Owed::Sync | Owed::Query | Owed::FunctionCall => Open::No,
            Owed::Bind(_) | Owed::Refusal => self.after(frontend::BIND),
            Owed::Execute => self.after(frontend::EXECUTE),
            Owed::Parse(_) | Owed::Taken | Owed::Describe(_) | Owed::Close | Owed::Answer(_) => {
                self.after(frontend::PARSE)
            }
            _ => self,
        }
    }
}

impl Owed {
    /// Whether the client has not asked for it.
    pub fn is_ours(self) -> bool {
        use Owed::{OurBind, OurClose, OurDescribe, OurParse, OurQuery, OurQuestion, OurSync};
        matches!(self, OurQuery | OurQuestion | OurSync | OurParse(_) | OurClose(_) | OurDescribe | OurBind)
    }

    /// What a message of the client makes the server owe.
    pub fn by(tag: u8) -> Option<Owed> {
        match tag {
            frontend::QUERY => Some(Owed::Query),
            frontend::FUNCTION_CALL => Some(Owed::FunctionCall),
            frontend::SYNC => Some(Owed::Sync),
            frontend::PARSE => Some(Owed::Parse(None)),
            frontend::BIND => Some(Owed::Bind(None)),
            frontend::DESCRIBE => Some(Owed::Describe(None)),
            frontend::EXECUTE => Some(Owed::Execute),
            frontend::CLOSE => Some(Owed::Close),
            frontend::COPY_DONE | frontend::COPY_FAIL => Some(Owed::CopyEnd),
            _ => None,
        }
    }
}

/// Appends an answer of ours.
pub fn write_answer(out: &mut Vec<u8>, answer: Answer) {
    let tag = match answer {
        Answer::Parsed => backend::PARSED,
        Answer::Closed => backend::CLOSED,
    };
    encode::bare(out, tag);
}
