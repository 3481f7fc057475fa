"""What is put together: statements with parameters and their values, settings, cursors, names, COPY, calls, logins. `@` is the
number of the client that says it, `%` what is put in."""

# Statements with parameters: text, types, values. `big` is a value of many bytes.
PARAMETERS = [
    ("select $1::int+1", "", ["5"]),
    ("select $1::int+1", "23", ["7"]),
    ("select * from t where a=$1", "", ["2"]),
    ("select * from t order by a", "", []),
    ("select $1::text, length($2)", "", ["aé", "xyz"]),
    ("insert into w values($1) returning x", "", ["4"]),
    ("insert into w values($1)", "23", ["8"]),
    ("select g from generate_series(1,$1::int) g", "", ["9"]),
    ("select 10/$1::int", "", ["0"]),
    ("update t set b=$1 where a=1", "", ["u"]),
    ("select * from v order by 1", "", []),
    ("select f()", "", []),
    ("select set_config('app.x',$1,false)", "", ["pv"]),
    ("select set_config($1,$2,$3)", "", ["work_mem", "7MB", "false"]),
    ("select set_config($1,$2,$3)", "", ["search_path", "c1", "f"]),
    ("select $1", "", ["unk"]),
    ("select $1::timestamptz", "", ["2024-01-02T03:04:05+00"]),
    ("select $1::date", "", ["01/02/2024"]),
    ("select length($1)", "", ["big"]),
    ("select $1::bytea", "", ["big"]),
    ("select '1 day'::interval, now() is not null", "", []),
    ("", "", []),
    ("select pg_notify($1,$2)", "", ["ch0", "pn"]),
    ("select * from t where b like $1 order by a", "", ["r%"]),
    ("select 'a\\b'", "", []),
    ("select current_user, $1::bool", "", ["t"]),
    ("select 1; select 2", "", []),
    ("values($1::int,$2::text)", "23,25", ["1", "null"]),
    ("select nextval('s')", "", []),
    ("select $1::int[], $2::jsonb", "", ["{1,2}", "{}"]),
    ("select $1, $2", "23,0", ["1", "x"]),
    ("select $1", "999999", ["1"]),
    ("declare c1 cursor for select g from generate_series(1,5) g where g > $1", "23", ["2"]),
    ("fetch 2 from c1", "", []),
    ("copy (select a from t order by a) to stdout", "", []),
]

# How a setting is set, and to what.
WAYS = [*["set %s"] * 3, "set session %s", *["set local %s"] * 2]

SETTINGS = [
    "work_mem='5MB'",
    "timezone='Asia/Tokyo'",
    "timezone to 'Europe/Berlin'",
    "datestyle='German'",
    "datestyle='ISO, DMY'",
    "datestyle to sql",
    "search_path to c@,public",
    "search_path=public",
    "search_path=''",
    "search_path='$user',c0",
    "app.x='v@'",
    "app.\"Y\"='q'",
    "bytea_output='escape'",
    "bytea_output='hex'",
    "intervalstyle='iso_8601'",
    "intervalstyle=postgres",
    "extra_float_digits=0",
    "extra_float_digits=3",
    "application_name='app@'",
    "application_name=''",
    "statement_timeout='5s'",
    "lock_timeout='90ms'",
    "client_min_messages=warning",
    "client_min_messages=notice",
    "client_min_messages=debug1",
    "standard_conforming_strings=off",
    "standard_conforming_strings=on",
    "enable_seqscan=off",
    "plan_cache_mode=force_generic_plan",
    "default_transaction_read_only=on",
    "default_transaction_read_only=off",
    "default_transaction_isolation='serializable'",
    "row_security=off",
    "check_function_bodies=off",
    "default_tablespace=''",
    "DateStyle = ISO, YMD",
    "xmloption=document",
    "escape_string_warning=off",
    "backslash_quote=off",
    "array_nulls=off",
    "quote_all_identifiers=on",
    "default_transaction_deferrable=on",
    "app.x='a''b'",
    "app.x to e'\\\\x41'",
    "application_name = off",
    "search_path = c0, \"public\"",
    "datestyle = iso, \"DMY\"",
    "app.x = on, 5, -7.5",
    "standard_conforming_strings = off",
    "default_transaction_isolation to \"repeatable read\"",
]

# `%` is a cursor.
CURSORS = [
    "declare % cursor for select * from t order by a",
    "declare % scroll cursor for select g from generate_series(1,9) g",
    "declare % binary cursor for values(1),(2)",
    "fetch 2 from %",
    "fetch all from %",
    "move 1 in %",
    "fetch backward 1 from %",
    "close %",
    "close all",
    "begin; declare % cursor for select 1/(a-3) from t order by a; fetch 1 from %",
    "fetch first from %",
    "update t set b='cur' where current of %",
]

HELD_CURSORS = [
    "declare % cursor with hold for select * from t order by a",
    "declare % scroll cursor with hold for select g from generate_series(1,9) g",
    "declare % binary cursor with hold for values(1),(2)",
]

# `-` is no name; the unnamed one is used most.
STATEMENTS = ["-", "-", "-", "p1", "p1", "p2", "Px"]
ODD_STATEMENT = "ppéppéppéppéppéppéppéppé"
PORTALS = ["-", "-", "-", "-", "k1", "k2"]
SIZES = [3, 5000, 20000, 70000, 200000]

COPY_OUT = [
    "copy t to stdout",
    "copy (select * from t order by a) to stdout csv header",
    "copy w to stdout binary",
    "copy (select 1/(a-3) from t order by a) to stdout",
    "copy w to stdout; select 1",
    "select 1; copy t to stdout; select 1/0",
    "copy missing to stdout",
    "copy (select g,repeat('k',50) from generate_series(1,900) g) to stdout",
    "copy t to '/nowhere/file'",
]

COPY_IN = [
    "copy % from stdin",
    "copy % from stdin",
    "copy % from stdin; select 'after'",
    "select 0; copy % from stdin",
    "begin; copy % from stdin",
    "copy % from stdin; select 1/0",
    "set app.x='cp'; copy % from stdin",
    "copy % from stdin csv",
    "copy w from stdin; copy w from stdin",
]
COPY_TARGETS = ["w", "w", "t", "t(a,b)", "nowhere"]

# Messages of CopyData.
COPIED = [
    ["31\\tq\\t1\\n"],
    ["32\\tq\\t1\\n33\\t", "r\\t2\\n"],
    ["bad\\tx\\t1\\n"],
    ["7\\n"],
    [],
    ["41\\ta\\n", "\\.\\n"],
    ["{9\\n*3000}"],
    ["{8\\n*40000}"],
]

# int4pl with both arguments, with one, with none that is; another function; none.
CALLS = [
    "177 in=1 out=1 x:00000005 x:00000006",
    "177 2 3",
    "177 in=1 out=1 x:00000005",
    "177 2 null",
    "999999",
    "154 in=1 out=1 x:00000006 x:00000000",
    "177 2147483647 1",
]

LOGINS = [
    ("search_path", ["c@", "c@,public", "c0"]),
    ("work_mem", ["1MB"]),
    ("app.x", ["start"]),
    ("application_name", ["st@"]),
    ("DateStyle", ["SQL,DMY", "German"]),
    ("TimeZone", ["America/New_York"]),
    ("IntervalStyle", ["iso_8601"]),
    ("statement_timeout", ["9s"]),
    ("default_transaction_isolation", ["serializable"]),
    ("extra_float_digits", ["0"]),
    ("options", ["-cenable_seqscan=off", "-clock_timeout=80ms"]),
    ("default_transaction_read_only", ["on"]),
    ("standard_conforming_strings", ["off"]),
]
