"""A reply as a line of text, without what differs from one session of Postgres' to the next."""

import re
import struct

# Tables and types of a sequence have other OIDs each time.
FIRST_OF_OURS = 16_384

# The two databases have two names; numbers of schemas are a matter of who came first; what a COPY does not expect may be the
# next message, where pgweir answers one itself.
ANY = [
    (re.compile(r'database "?(plain|pooled)"?'), "database <ours>"),
    (re.compile(r"pg_(toast_)?temp_\d+"), r"pg_\1temp_<n>"),
    (re.compile(r"pg_toast_\d+"), "pg_toast_<oid>"),
    (re.compile(r"unexpected message type 0x[0-9A-F]{2} during COPY"), "unexpected message during COPY"),
]

# One client, one text, two names: the server has one statement for both, and an error about it tells either.
OF_A_STATEMENT = re.compile(r'prepared statement "(p1|p2|Px|ppé.*)"')


def normal(tag: str, body: bytes) -> str:
    """The message as a line; what it is without, `known` tells."""
    shape = SHAPES.get(tag)
    return f"{tag} {shape(body) if shape else escaped(body)}".rstrip()


def escaped(octets: bytes) -> str:
    """Bytes as Python writes them."""
    return repr(octets)[2:-1]


def fields(body: bytes) -> dict[str, str]:
    """Those of an ErrorResponse or a NoticeResponse."""
    return {field[:1].decode(): field[1:].decode("utf-8", "backslashreplace") for field in body.split(b"\0") if field}


def complaint(body: bytes) -> str:
    """An error or a notice: its fields in Postgres' order."""
    told = fields(body)
    if told["C"] == "25P02":
        # In a failed transaction a Bind is refused, or the Parse in front of it, in the same words from another place.
        told = {name: told[name] for name in "SVCM"}
    if told.get("R") == "RevalidateCachedQuery":
        told.pop("L", None)
    return " ".join(f"{name}={anyone(text)!r}" for name, text in told.items())


def anyone(text: str) -> str:
    """Without what is of one session alone."""
    for pattern, instead in ANY:
        text = pattern.sub(instead, text)
    return OF_A_STATEMENT.sub('prepared statement "<any>"', text)


def row(body: bytes) -> str:
    """A DataRow: its columns."""
    at, columns = 2, []
    for _ in range(struct.unpack_from("!h", body)[0]):
        (length,) = struct.unpack_from("!i", body, at)
        at += 4
        columns.append("null" if length < 0 else repr(body[at : at + length])[1:])
        at += max(length, 0)
    return "|".join(columns)


def description(body: bytes) -> str:
    """A RowDescription: of each column its name, whether of a table, number, type, size, modifier, format."""
    at, columns = 2, []
    for _ in range(struct.unpack_from("!h", body)[0]):
        end = body.index(b"\0", at)
        table, number, kind, *more = struct.unpack_from("!ihihih", body, end + 1)
        columns.append(f"{escaped(body[at:end])}:{own(table)},{number},{own(kind)},{','.join(map(str, more))}")
        at = end + 19
    return " ".join(columns)


def types(body: bytes) -> str:
    """A ParameterDescription."""
    return " ".join(own(kind) for (kind,) in struct.iter_unpack("!i", body[2:]))


def own(oid: int) -> str:
    """An OID, if it is Postgres'."""
    return str(oid) if oid < FIRST_OF_OURS else "own"


SHAPES = {"E": complaint, "N": complaint, "D": row, "T": description, "t": types}
