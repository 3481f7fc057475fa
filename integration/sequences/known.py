"""The differences that are accounted for, in one table, each with its reason. Anything else is a mistake of somebody's.

Most are left out: the writer does not say what would show them, or `normal` what would tell. Those that are recognised end
the sequence, as what follows is another story; or they are taken as equal, and it goes on."""

import re
from collections.abc import Callable
from dataclasses import dataclass

LEFT_OUT, ENDS, EQUAL = "left out", "ends the sequence", "taken as equal"


@dataclass(frozen=True)
class Known:
    """One difference. `page`: what docs/transaction-mode.md says of it, where that concerns anybody."""

    name: str
    reason: str
    how: str = LEFT_OUT
    page: str = ""
    covers: Callable[[str, str], bool] = lambda direct, through: False


def is_error(line: str, *codes: str) -> bool:
    """Whether a reply is an error with one of these codes, or with any."""
    return line.startswith("E ") and (not codes or any(f"C='{code}'" in line for code in codes))


def is_changed_once(direct: str, through: str) -> bool:
    """Refused by Postgres each time, by pgweir once."""
    return is_error(direct, "0A000") and "RevalidateCachedQuery" in direct and not is_error(through, "0A000")


def is_no_temp_schema(direct: str, through: str) -> bool:
    """This server has had temporary tables, or the other."""
    lacks_schema = [is_error(line, "3F000") and "pg_temp" in line for line in (direct, through)]
    lacks_table = [is_error(line, "42P01") for line in (direct, through)]
    return any(lacks_schema) and any(lacks_table)


def is_refused_sooner(direct: str, through: str) -> bool:
    """What is wrong with the values, or a description, is what Postgres alone would have come to."""
    is_about_it = is_error(direct, "08P01", "22P02", "22P03", "42601", "42P05") or direct.startswith("t")
    is_parse = is_error(through, "25P02", "0A000") or (is_error(through) and "F='parse_" in through)
    return is_about_it and is_parse


KNOWN = [
    Known(
        "unnamed, skipped",
        "The Parse of an unnamed statement failed or was skipped behind an error. Postgres may still have the one before; pgweir "
        "takes the last text that it was sent. `unnamed` tells where that is so.",
    ),
    Known(
        "unnamed, large",
        "The text of an unnamed statement of more than 16 KiB is not kept once it has been bound. `unnamed` again.",
        page="An unnamed statement of more than 1 MiB",
    ),
    Known(
        "two kinds of names",
        "What is prepared by SQL and what by protocol do not meet under one name: no 42P05, and EXECUTE finds only the former. "
        "PREPARE has names of its own here.",
        page="`EXECUTE` finds only what `PREPARE` has made",
    ),
    Known(
        "names in another encoding",
        "A statement's name beyond ASCII is other bytes after client_encoding has changed. A sequence has such names or other "
        "encodings.",
    ),
    Known(
        "behind a RESET",
        "In the same text or batch the server's own value shows, not what the client has logged in with; and where such a text "
        "goes on with SET LOCAL and BEGIN, the client is not told when that ends. Clients with parameters do not say anything "
        "behind one.",
        page="Behind a `RESET`",
    ),
    Known(
        "set_config to NULL",
        "Says the server's default, as behind a RESET. No NULL is given to set_config.",
        page="`set_config(…, NULL, …)`",
    ),
    Known(
        "two names of one statement",
        "A server has one statement for both, and an error tells either name. `normal` hides which.",
    ),
    Known(
        "no temporary schema",
        "A server that has made a temporary table, for whomever, has the schema, so that what is missing there is the table.",
        how=EQUAL,
        covers=is_no_temp_schema,
    ),
    Known(
        "who refuses in a failed transaction",
        "Where the server lacks a statement, its Parse in front of a Bind is refused instead of the Bind: in the same words, from "
        "another line of Postgres. `normal` hides the line.",
    ),
    Known(
        "a Parse in front is refused",
        "Where the server lacks a statement, its Parse comes in front; where its result is known to have changed, it is refused at "
        "once. In a failed transaction, or where tables have gone, that error comes before the one that Postgres would have had: "
        "about values, their number, or none, where only a description was asked for.",
        how=ENDS,
        covers=is_refused_sooner,
    ),
    Known(
        "what a COPY does not expect",
        "The error names the message; a Close that pgweir answers itself is not the first that the server sees. `normal` hides it.",
    ),
    Known(
        "Sync inside a failed COPY",
        "Inside a COPY that has already failed, a Sync gets no ReadyForQuery of its own. None is sent between data and its end.",
    ),
    Known(
        "what a failed Query leaves",
        "In a failed transaction Postgres has the unnamed portal of the Query that failed and crashes where it is executed; seen of "
        "15. It is executed in the batch of its Bind.",
    ),
    Known(
        "LISTEN that ties",
        "In a pipeline, where client_encoding is not UTF8, or while the server is still asked what the statement before has left, "
        "it runs on the client's own server as in a transaction. Where servers are few nobody says it.",
    ),
    Known(
        "DEALLOCATE among others",
        "Behind a `deallocate s;` in the same text an error's position is that in the text as the server sees it. DEALLOCATE of "
        "what the protocol has prepared stands alone.",
    ),
    Known(
        "a result that has changed",
        "Where nobody has asked for the description by its name, 0A000 comes once, and not each time.",
        how=ENDS,
        page="A statement whose result has changed",
        covers=is_changed_once,
    ),
    Known(
        "'' for NULL",
        "A custom setting that some client of the pool has had. Always asked for inside nullif.",
        page="A custom setting that some client of the pool has had is `''` to others",
    ),
    Known("sequences of earlier transactions", "`currval` and `lastval` are not asked for.", page="`currval` and `lastval`"),
    Known("what all have prepared", "pg_prepared_statements is not looked at.", page="`pg_prepared_statements`"),
    Known("who listens", "pg_listening_channels() is not asked: one connection listens for all, and that is another."),
    Known(
        "temp_buffers",
        "No longer changes where a server has had a temporary table, of another client too. It is not set.",
    ),
    Known("process ids", "Are not asked for, and left out of notifications.", page="Process ids"),
    Known("state that a function leaves", "Is found by samples, not each time: functions here leave none. DO blocks may."),
]


def known(direct: str, through: str) -> Known | None:
    """What accounts for a pair of replies that differ, if anything does."""
    return next((entry for entry in KNOWN if entry.covers(direct, through)), None)


def code(line: str) -> str:
    """What kind of reply it is: its tag, of errors also the code."""
    found = re.search(r" C='(\w+)'", line) if line[:1] in "EN" else None
    return line[:1] + (found[1] if found else "")
