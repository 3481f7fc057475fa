//! What scripts by chance are made of, and what they leave out as long as pgweir differs there.

/// Parameters that the server does not report, savepoints around them, and ways to set them that are not SET.
pub(crate) const UNREPORTED_SETTINGS: bool = true;

/// `create`, `alter` and `drop` of what prepared statements refer to. No statement is among them whose columns become others,
/// `select *`: Postgres refuses it for ever, pgweir parses it anew when its client has been told once.
pub(crate) const TABLES_CHANGE: bool = true;

/// Texts that mean what they say under the parameters of the moment they are parsed. They are shared only by clients that
/// have the same ones.
pub(crate) const PARSED_UNDER_PARAMETERS: bool = true;

/// One client, one text, two names. Off: the server has one statement for both, and an error about it tells either name.
pub(crate) const TWO_NAMES_FOR_ONE_TEXT: bool = false;

/// `deallocate s1; …` as one of several statements of a Query. Off: behind it an error has its position in the text as the
/// server sees it.
pub(crate) const DEALLOCATE_AMONG_OTHERS: bool = false;

/// RESET and DISCARD ALL of a client that logged in with parameters. Off: behind them in the same Query or batch they are what the
/// server started with, until its end.
pub(crate) const LOGINS_ARE_RESET: bool = false;

/// Use of the unnamed statement in another batch than its Parse, which may have failed or been skipped there. Off: pgweir
/// takes the last text that the client sent for it. Where the Parse succeeds, scripts by hand look.
pub(crate) const UNNAMED_AFTER_ERRORS: bool = false;

/// Statements with a parameter or none, right and wrong.
pub(crate) const TEXTS: &[&str] = &[
    "select 1 as one",
    "select $1::int + 1 as next",
    "select name from items where id = $1::int",
    "select id, name from items order by id",
    "select generate_series(1, $1::int)",
    "select 12 / $1::int",
    "select 1 / (id - 2) from items order by id",
    "insert into items values ($1::int, 'new')",
    "update items set name = upper(name) where id = $1::int",
    "delete from items where id = 3 returning id, name",
    "insert into kids values (9)",
    "select noisy('heard')",
    "select '2020-02-03 04:05:06+00'::text::timestamptz",
    "select make_interval(days => 1, hours => -2)",
    "select nope",
    "select from nowhere",
    "selec",
    "",
    ";",
    "copy (select id from items order by id) to stdout",
];

/// What begins and ends transactions.
pub(crate) const BOUNDS: &[&str] =
    &["begin", "commit", "rollback", "begin; select 1; commit", "begin; select nope", "commit; begin"];

/// Reported by the server.
pub(crate) const REPORTED: &[&str] = &[
    "set timezone to 'Asia/Tokyo'",
    "set timezone to 'UTC'",
    "set datestyle to 'German'",
    "set datestyle to 'SQL, DMY'",
    "set intervalstyle to 'sql_standard'",
    "set application_name to 'by chance'",
    "set application_name to ''",
    "set local timezone to 'America/Lima'",
    "set local intervalstyle to 'iso_8601'",
    "set timezone to 'nowhere'",
    "reset timezone",
    "reset datestyle",
    "reset all",
    "show timezone",
    "show datestyle",
    "show intervalstyle",
    "show application_name",
    "select set_config('TimeZone', 'Africa/Cairo', false)",
    "select set_config('DateStyle', 'Postgres', true)",
];

pub(crate) const UNREPORTED: &[&str] = &[
    "set statement_timeout to '11s'",
    "set local statement_timeout to '12s'",
    "set work_mem to '1MB'",
    "set work_mem = default",
    "set my.setting to 'mine'",
    "set my.setting to 'other'",
    "set local my.setting to 'for now'",
    "set session my.other to 'x'",
    "set search_path to pg_catalog, direct",
    "set local search_path to pg_catalog, direct",
    "set local search_path to nowhere, pg_temp",
    "select set_config('search_path', 'direct, pg_catalog', true)",
    "set local role direct",
    "set array_nulls to off",
    "set local array_nulls to off",
    "set log_statement to 'all'",
    "do $$ begin perform set_config('work_mem', '2MB', false); end $$",
    "select set_config('my.setting', 'by function', false)",
    "select set_config('my.setting', 'by function, for now', true)",
    "set session characteristics as transaction read only",
    "set session characteristics as transaction read write",
    "set role direct",
    "reset role",
    "reset my.setting",
    "reset work_mem",
    "reset statement_timeout",
    "show statement_timeout",
    "show work_mem",
    "show search_path",
    // Once set, by whomever, a server has it as '' and not as NULL for ever; that is Postgres' own.
    "select nullif(current_setting('my.setting', true), ''), nullif(current_setting('my.other', true), '')",
    "savepoint one",
    "rollback to one",
    "release one",
];

/// What drops prepared statements.
pub(crate) const DROPS: &[&str] =
    &["deallocate s1", "deallocate s2", "deallocate prepare s3", "deallocate all", "deallocate nothing", "discard all"];

pub(crate) const DDL: &[&str] = &[
    "alter table items add column more int",
    "alter table items drop column if exists more",
    "create table more (id int)",
    "drop table more",
    "drop table kids, items",
];

pub(crate) const PARSED_UNDER: &[&str] = &[
    "select timestamptz '2020-02-03 04:05:06'",
    "select date '01/02/2003'",
    "select array_length(U&'\\007bnull\\007d'::text[], 1)",
];

pub(crate) const LOGINS: &[&str] =
    &["DateStyle=German", "TimeZone=Asia/Tokyo", "application_name=chance IntervalStyle=iso_8601"];

/// Names, some of them never given. `-` is no name.
pub(crate) const STATEMENTS: &[&str] = &["-", "-", "s1", "s1", "s2", "s3"];
pub(crate) const PORTALS: &[&str] = &["-", "-", "-", "p1", "p2"];
pub(crate) const VALUES: &[&str] = &["1", "2", "3", "0", "7", "x", "null"];
