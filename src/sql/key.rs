//! The words that matter to `effects`, told apart by length and first letter before anything else. Pure.

/// What a token is to `effects`.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Key {
    /// Nothing that matters.
    #[default]
    Other,
    /// `(`
    Open,
    /// `)`
    Close,
    /// `.`
    Dot,
    /// A string constant.
    Text,
    /// A name whose escapes are not read: it may be any.
    Escaped,
    Abort,
    All,
    Alter,
    Analyze,
    As,
    CloseCursor,
    Comment,
    Commit,
    Create,
    Deallocate,
    Declare,
    Discard,
    Do,
    Drop,
    Execute,
    Explain,
    For,
    /// GRANT, REVOKE.
    Grant,
    Hold,
    /// INSERT, MERGE.
    Insert,
    Into,
    Language,
    Listen,
    Load,
    /// PLANS, SEQUENCES.
    Plans,
    PlPgSql,
    Prepare,
    /// LOCAL, GLOBAL.
    Local,
    /// OR, REPLACE.
    Replace,
    Reset,
    Rollback,
    Set,
    /// TEMP, TEMPORARY.
    Temp,
    Transaction,
    Unlisten,
    Update,
    Verbose,
    With,
    /// The schema, also by its number.
    PgTemp,
    /// The view that passes updates on to settings.
    PgSettings,
    /// Functions, if `(` follows: `set_config`.
    SetConfig,
    /// Those that take a lock for the session.
    Lock,
    /// Those that give one back.
    Unlock,
    /// `currval`, `lastval`.
    Currval,
    /// Those that begin what lasts as long as the session and no longer: a backup, a connection of dblink, an origin of replication,
    /// a temporary slot.
    Opener,
}

impl Key {
    /// Of a word, in any case.
    #[inline]
    pub(super) fn of(word: &[u8]) -> Key {
        let [first, ..] = word else { return Key::Other };
        if FIRST_LETTERS[word.len().min(MAX)] & 1 << (first & 31) == 0 {
            return Key::Other;
        }
        Key::among(word, *first)
    }

    fn among(word: &[u8], first: u8) -> Key {
        let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
        let if_is = |name: &str, key: Key| if is(name) { key } else { Key::Other };
        match (word.len(), first | 0x20) {
            (2, b'a') => if_is("as", Key::As),
            (2, b'd') => if_is("do", Key::Do),
            (2, b'o') => if_is("or", Key::Replace),
            (3, b'a') => if_is("all", Key::All),
            (3, b'f') => if_is("for", Key::For),
            (3, b's') => if_is("set", Key::Set),
            (4, b'd') => if_is("drop", Key::Drop),
            (4, b'h') => if_is("hold", Key::Hold),
            (4, b'i') => if_is("into", Key::Into),
            (4, b'l') => if_is("load", Key::Load),
            (4, b't') => if_is("temp", Key::Temp),
            (4, b'w') => if_is("with", Key::With),
            (5, b'a') if is("alter") => Key::Alter,
            (5, b'a') => if_is("abort", Key::Abort),
            (5, b'c') => if_is("close", Key::CloseCursor),
            (5, b'g') => if_is("grant", Key::Grant),
            (5, b'l') => if_is("local", Key::Local),
            (5, b'm') => if_is("merge", Key::Insert),
            (5, b'p') => if_is("plans", Key::Plans),
            (5, b'r') => if_is("reset", Key::Reset),
            (6, b'c') if is("create") => Key::Create,
            (6, b'c') => if_is("commit", Key::Commit),
            (6, b'g') => if_is("global", Key::Local),
            (6, b'i') => if_is("insert", Key::Insert),
            (6, b'l') => if_is("listen", Key::Listen),
            (6, b'r') => if_is("revoke", Key::Grant),
            (6, b'u') => if_is("update", Key::Update),
            (7, b'a') if is("analyse") => Key::Analyze,
            (7, b'a') => if_is("analyze", Key::Analyze),
            (7, b'c') if is("currval") => Key::Currval,
            (7, b'c') => if_is("comment", Key::Comment),
            (7, b'd') if is("declare") => Key::Declare,
            (7, b'd') => if_is("discard", Key::Discard),
            (7, b'e') if is("execute") => Key::Execute,
            (7, b'e') => if_is("explain", Key::Explain),
            (7, b'l') => if_is("lastval", Key::Currval),
            (7, b'p') if is("pg_temp") => Key::PgTemp,
            (7, b'p') if is("plpgsql") => Key::PlPgSql,
            (7, b'p') => if_is("prepare", Key::Prepare),
            (7, b'r') => if_is("replace", Key::Replace),
            (7, b'v') => if_is("verbose", Key::Verbose),
            (8.., _) => Key::of_long(word, is),
            _ => Key::Other,
        }
    }

    #[inline]
    fn of_long(word: &[u8], is: impl Fn(&str) -> bool) -> Key {
        let if_is = |name: &str, key: Key| if is(name) { key } else { Key::Other };
        match (word.len(), word[0] | 0x20) {
            (8, b'l') => if_is("language", Key::Language),
            (8, b'r') => if_is("rollback", Key::Rollback),
            (8, b'u') => if_is("unlisten", Key::Unlisten),
            (9, b's') => if_is("sequences", Key::Plans),
            (9, b't') => if_is("temporary", Key::Temp),
            (10, b'd') => if_is("deallocate", Key::Deallocate),
            (10, b's') => if_is("set_config", Key::SetConfig),
            (11, b't') => if_is("transaction", Key::Transaction),
            (14, b'd') => if_is("dblink_connect", Key::Opener),
            (16, b'd') => if_is("dblink_connect_u", Key::Opener),
            (_, b'p') if word[2] == b'_' => Key::of_catalog(word, is),
            _ => Key::Other,
        }
    }

    fn of_catalog(word: &[u8], is: impl Fn(&str) -> bool) -> Key {
        match word.len() {
            11 if is("pg_settings") => Key::PgSettings,
            15 if is("pg_backup_start") || is("pg_start_backup") => Key::Opener,
            16 if is("pg_advisory_lock") => Key::Lock,
            18 if is("pg_advisory_unlock") => Key::Unlock,
            20 if is("pg_try_advisory_lock") => Key::Lock,
            22 if is("pg_advisory_unlock_all") => Key::Unlock,
            23 if is("pg_advisory_lock_shared") => Key::Lock,
            25 if is("pg_advisory_unlock_shared") => Key::Unlock,
            27 if is("pg_try_advisory_lock_shared") => Key::Lock,
            32 if is("pg_copy_logical_replication_slot") => Key::Opener,
            33 if is("pg_copy_physical_replication_slot") => Key::Opener,
            34 if is("pg_create_logical_replication_slot") => Key::Opener,
            35 if is("pg_create_physical_replication_slot") || is("pg_replication_origin_session_setup") => Key::Opener,
            _ if word[..8].eq_ignore_ascii_case(b"pg_temp_") => Key::PgTemp,
            _ => Key::Other,
        }
    }

    /// Of a quoted name, which is a key word never and in this case only.
    pub(super) fn of_quoted(name: &[u8]) -> Key {
        let key = Key::of(name);
        let lower = !name.iter().any(u8::is_ascii_uppercase);
        if lower && key.is_name() { key } else { Key::Other }
    }

    /// Whether it stands for names of things.
    fn is_name(self) -> bool {
        use Key::{Currval, Lock, Opener, PgSettings, PgTemp, PlPgSql, SetConfig, Unlock};
        matches!(self, PgTemp | PgSettings | PlPgSql | SetConfig | Lock | Unlock | Currval | Opener)
    }
}

/// From this length on all words are alike to `FIRST_LETTERS`.
const MAX: usize = 12;

/// For each length the letters that words which matter begin with, as bits: most words are none of them.
const FIRST_LETTERS: [u32; MAX + 1] = [
    0,
    0,
    letters(b"ado"),
    letters(b"afs"),
    letters(b"dhiltw"),
    letters(b"acglmpr"),
    letters(b"cgilru"),
    letters(b"acdelprv"),
    letters(b"lrup"),
    letters(b"stp"),
    letters(b"dsp"),
    letters(b"tp"),
    letters(b"dp"),
];

const fn letters(list: &[u8]) -> u32 {
    let (mut bits, mut at) = (0, 0);
    while at < list.len() {
        bits |= 1 << (list[at] & 31);
        at += 1;
    }
    bits
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that are not `Other`.
    const WORDS: &str = "abort all alter analyse analyze as close comment commit create currval dblink_connect dblink_connect_u deallocate declare discard do drop \
        execute explain for global grant hold insert into language lastval listen load local merge or pg_advisory_lock \
        pg_advisory_lock_shared pg_advisory_unlock pg_advisory_unlock_all pg_advisory_unlock_shared pg_backup_start \
        pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_create_logical_replication_slot \
        pg_create_physical_replication_slot pg_replication_origin_session_setup pg_settings pg_start_backup pg_temp \
        pg_temp_12 pg_try_advisory_lock pg_try_advisory_lock_shared plans plpgsql prepare replace reset revoke rollback \
        sequences set set_config temp temporary transaction unlisten update verbose with";

    const OTHERS: &str = "a an and from where select values sets ser temps inter pg_temp1 pg_advisory_xact_lock set_confiG_ \
        currvam p pg pp_advisory_lock pgxadvisory_lock \u{e9}s \u{e9}";

    #[test]
    fn words_that_matter() {
        for word in WORDS.split_whitespace() {
            let upper = word.to_ascii_uppercase();
            let key = Key::of(word.as_bytes());
            assert_ne!(key, Key::Other, "{word}");
            assert_eq!(key, Key::of(upper.as_bytes()), "{upper}");
            assert_eq!(Key::of_quoted(word.as_bytes()) == key, key.is_name(), "{word}");
            assert_eq!(Key::of_quoted(upper.as_bytes()), Key::Other, "{upper}");
        }
        for word in OTHERS.split_whitespace() {
            assert_eq!(Key::of(word.as_bytes()), Key::Other, "{word}");
        }
        assert_eq!(Key::of(b""), Key::Other);
        assert_eq!(Key::of(b"\x01ll"), Key::Other);
    }
}
