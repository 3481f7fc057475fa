//! The words that matter to digests, found by their hash. Pure.
//!
//! Which are reserved: <https://www.postgresql.org/docs/current/sql-keywords-appendix.html>.

use super::hash::word;

/// What a word is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(in crate::sql) enum Key {
    /// A name, or a key word of which nothing depends.
    Plain,
    /// One that means something else in quotes.
    Reserved,
    /// Such a one, with an operand behind it.
    Expects,
    /// A table of the catalog.
    Catalog,
    /// What a session asks about itself.
    Session,
    /// The same, and reserved.
    SessionReserved,
    /// Of a statement of no other kind.
    Statement,
    /// BEGIN, COMMIT, …
    Transparent,
    /// SAVEPOINT, LISTEN, …: a name behind it that says nothing.
    Names,
    /// RELEASE, CLOSE, …: all names behind it say nothing.
    NamesAll,
    /// A word that may stand among those.
    Stays,
    /// The name of a type that may stand before a string.
    Type,
    /// The same, and reserved.
    TypeReserved,
    /// TIMESTAMP, TIME.
    Time,
    Double,
    /// CHARACTER, BIT, …, with VARYING behind it.
    Char,
    All,
    Any,
    Array,
    As,
    Atomic,
    Begin,
    By,
    Case,
    Cast,
    Copy,
    Create,
    Declare,
    Default,
    Delete,
    Distinct,
    End,
    Execute,
    Exists,
    Fetch,
    First,
    For,
    From,
    /// TRUE, FALSE, NULL.
    Constant,
    In,
    Insert,
    Into,
    Join,
    Limit,
    Lock,
    Merge,
    Move,
    Notify,
    Offset,
    On,
    Only,
    Prepare,
    Returning,
    Savepoint,
    Select,
    Set,
    Table,
    To,
    Transaction,
    /// UNION, INTERSECT, EXCEPT.
    Union,
    Update,
    Using,
    Values,
    Where,
    With,
}

/// The words, by what they are.
const WORDS: &[(Key, &str)] = &[
    (
        Key::Reserved,
        "asc asymmetric both check column constraint current_date current_time current_timestamp deferrable desc do \
         foreign grant initially lateral localtime localtimestamp order primary \
         references symmetric trailing leading unique window analyse analyze collate authorization \
         binary collation concurrently cross freeze full inner is isnull left natural notnull outer overlaps \
         right tablesample verbose coalesce extract greatest grouping inout least none normalize nullif \
         out overlay position row setof substring treat trim xmlattributes xmlconcat xmlelement xmlexists \
         xmlforest xmlnamespaces xmlparse xmlpi xmlroot xmlserialize xmltable json_array json_arrayagg json_object \
         json_objectagg json_scalar json_serialize json_table json_exists json_query json_value merge_action",
    ),
    (Key::Expects, "and or not when then else having between like ilike similar placing variadic group"),
    (
        Key::Catalog,
        "information_schema pg_aggregate pg_am pg_amop pg_amproc pg_attrdef pg_attribute pg_auth_members pg_authid \
         pg_available_extensions pg_cast pg_class pg_collation pg_constraint pg_conversion pg_cursors pg_database \
         pg_depend pg_description pg_enum pg_event_trigger pg_extension pg_foreign_server pg_foreign_table pg_group \
         pg_index pg_indexes pg_inherits pg_language pg_locks pg_matviews pg_namespace pg_opclass pg_operator \
         pg_opfamily pg_partitioned_table pg_policies pg_policy pg_prepared_statements pg_prepared_xacts pg_proc \
         pg_publication pg_range pg_rewrite pg_roles pg_rules pg_seclabel pg_sequence pg_sequences pg_settings \
         pg_shadow pg_shdescription pg_stat_activity pg_stat_database pg_stat_replication pg_stat_user_tables \
         pg_stats pg_tables pg_tablespace pg_timezone_abbrevs pg_timezone_names pg_trigger pg_type pg_user pg_views",
    ),
    (
        Key::Session,
        "version current_schemas set_config current_setting pg_backend_pid current_database pg_advisory_unlock_all pg_is_in_recovery \
         inet_server_addr inet_server_port inet_client_addr pg_postmaster_start_time txid_current",
    ),
    (Key::SessionReserved, "current_schema current_catalog current_role current_user session_user system_user user"),
    (Key::Statement, "explain call alter drop truncate refresh vacuum"),
    (Key::Transparent, "commit start abort reset show discard load"),
    (Key::Names, "listen unlisten"),
    (Key::NamesAll, "release rollback close deallocate"),
    (Key::Stays, "work no chain prepared prior last absolute relative forward backward"),
    (
        Key::Type,
        "date timestamptz timetz jsonb uuid text bytea inet cidr macaddr money regclass regtype oid int2 int4 int8 \
         float4 float8 bool xml point tsvector tsquery bpchar citext ltree hstore geometry geography",
    ),
    (Key::TypeReserved, "interval json numeric decimal dec bigint int integer smallint real float boolean varchar"),
    (Key::Time, "timestamp time"),
    (Key::Double, "double"),
    (Key::Char, "character char nchar bit national"),
    (Key::All, "all"),
    (Key::Any, "any some"),
    (Key::Array, "array"),
    (Key::As, "as"),
    (Key::Atomic, "atomic"),
    (Key::Begin, "begin"),
    (Key::By, "by"),
    (Key::Case, "case"),
    (Key::Cast, "cast"),
    (Key::Copy, "copy"),
    (Key::Create, "create"),
    (Key::Declare, "declare"),
    (Key::Default, "default"),
    (Key::Delete, "delete"),
    (Key::Distinct, "distinct"),
    (Key::End, "end"),
    (Key::Execute, "execute"),
    (Key::Exists, "exists"),
    (Key::Fetch, "fetch"),
    (Key::First, "first next"),
    (Key::For, "for"),
    (Key::From, "from"),
    (Key::Constant, "true false null"),
    (Key::In, "in"),
    (Key::Insert, "insert"),
    (Key::Into, "into"),
    (Key::Join, "join"),
    (Key::Limit, "limit"),
    (Key::Lock, "share key"),
    (Key::Merge, "merge"),
    (Key::Move, "move"),
    (Key::Notify, "notify"),
    (Key::Offset, "offset"),
    (Key::On, "on"),
    (Key::Only, "only"),
    (Key::Prepare, "prepare"),
    (Key::Returning, "returning"),
    (Key::Savepoint, "savepoint"),
    (Key::Select, "select"),
    (Key::Set, "set"),
    (Key::Table, "table"),
    (Key::To, "to"),
    (Key::Transaction, "transaction"),
    (Key::Union, "union intersect except"),
    (Key::Update, "update"),
    (Key::Using, "using"),
    (Key::Values, "values"),
    (Key::Where, "where"),
    (Key::With, "with"),
];

impl Key {
    /// What the word with this hash is.
    #[inline]
    pub(super) fn of(hash: u64) -> Key {
        let mut place = place(hash);
        loop {
            match TABLE.0[place] {
                0 => return Key::Plain,
                found if found == hash => return TABLE.1[place],
                _ => place = (place + 1) % SIZE,
            }
        }
    }

    /// What this word is.
    pub(in crate::sql) fn of_word(text: &[u8]) -> Key {
        Key::of(word(text, 0, text.len()))
    }

    /// Whether it means something else in quotes.
    pub(in crate::sql) fn is_reserved(self) -> bool {
        use Key::*;
        !matches!(
            self,
            Plain
                | Catalog
                | Session
                | Statement
                | Transparent
                | Names
                | NamesAll
                | Stays
                | Type
                | Double
                | Atomic
                | Begin
                | By
        ) && !matches!(
            self,
            Copy | Declare
                | Delete
                | Execute
                | First
                | Insert
                | Lock
                | Merge
                | Move
                | Notify
                | Prepare
                | Savepoint
                | Set
                | Transaction
                | Update
        )
    }

    /// Whether it may stand before a string as the name of its type.
    #[inline]
    pub(super) fn is_type(self) -> bool {
        matches!(self, Key::Type | Key::TypeReserved | Key::Time | Key::Double | Key::Char)
    }

    /// Whether an operand stands behind it, so that a sign there is no subtraction.
    pub(super) fn expects(self) -> bool {
        use Key::*;
        matches!(
            self,
            Expects
                | All
                | Any
                | As
                | By
                | Case
                | Distinct
                | From
                | In
                | Limit
                | Offset
                | On
                | Returning
                | Select
                | Where
        )
    }
}

/// A power of two, a few times as many as there are words.
const SIZE: usize = 1024;

/// Words by their hash; a free place is 0. Hashes apart, for most names are found not to be there.
static TABLE: ([u64; SIZE], [Key; SIZE]) = {
    let (mut hashes, mut keys, mut group) = ([0; SIZE], [Key::Plain; SIZE], 0);
    while group < WORDS.len() {
        let (key, words) = WORDS[group];
        enter(&mut hashes, &mut keys, key, words.as_bytes());
        group += 1;
    }
    (hashes, keys)
};

const fn enter(hashes: &mut [u64; SIZE], keys: &mut [Key; SIZE], key: Key, words: &[u8]) {
    let (mut begin, mut end) = (0, 0);
    while end <= words.len() {
        if end == words.len() || words[end] == b' ' {
            let hash = word(words, begin, end);
            let mut place = place(hash);
            while hashes[place] != 0 {
                assert!(hashes[place] != hash, "a word stands there twice");
                place = (place + 1) % SIZE;
            }
            (hashes[place], keys[place]) = (hash, key);
            begin = end + 1;
        }
        end += 1;
    }
}

#[inline]
const fn place(hash: u64) -> usize {
    (hash >> 54) as usize
}
