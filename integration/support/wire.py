"""A Postgres client of few bytes and few words: logs in and runs simple queries, thousands of times at once.

Not a driver. The drivers are tested as they are; this one is for storms, for memory, and for what no driver would send."""

import asyncio
import base64
import functools
import hashlib
import hmac
import os
import ssl
import struct

PROTOCOL_3 = 196608
SSL_REQUEST, GSSENC_REQUEST = 80877103, 80877104
SCRAM = b"SCRAM-SHA-256"


class ServerError(Exception):
    """An ErrorResponse. `fields` by their one-letter codes."""

    def __init__(self, fields: dict[str, str]):
        super().__init__(f"{fields.get('C')}: {fields.get('M')}")
        self.fields = fields

    @property
    def sqlstate(self) -> str:
        """The five letters."""
        return self.fields.get("C", "")


def message(tag: bytes, body: bytes = b"") -> bytes:
    """One message with its length."""
    return tag + struct.pack("!i", len(body) + 4) + body


def startup(user: str, database: str, **parameters: str) -> bytes:
    """A StartupMessage of protocol 3.0."""
    pairs = {"user": user, "database": database, **parameters}
    body = b"".join(f"{key}\0{value}\0".encode() for key, value in pairs.items())
    return message(b"", struct.pack("!i", PROTOCOL_3) + body + b"\0")


def query(sql: str) -> bytes:
    """A Query."""
    return message(b"Q", sql.encode() + b"\0")


TERMINATE = message(b"X")


@functools.lru_cache(maxsize=1024)
def salted(password: str, salt: bytes, iterations: int) -> bytes:
    """The costly step of SCRAM, once for each salt and not once for each login."""
    return hashlib.pbkdf2_hmac("sha256", password.encode(), salt, iterations)


class Scram:
    """The client's side of SCRAM-SHA-256; bound to a certificate, if it is given its hash."""

    def __init__(self, password: str, end_point: bytes = b""):
        self.password = password
        self.bare = b"n=,r=" + base64.b64encode(os.urandom(18))
        self.mechanism, header = (SCRAM + b"-PLUS", b"p=tls-server-end-point,,") if end_point else (SCRAM, b"n,,")
        self.header, self.binding = header, base64.b64encode(header + end_point)

    def first(self) -> bytes:
        """SASLInitialResponse."""
        opening = self.header + self.bare
        return message(b"p", self.mechanism + b"\0" + struct.pack("!i", len(opening)) + opening)

    def final(self, challenge: bytes) -> bytes:
        """SASLResponse to the server's first message."""
        parts = dict(part.split(b"=", 1) for part in challenge.split(b","))
        key = salted(self.password, base64.b64decode(parts[b"s"]), int(parts[b"i"]))
        without_proof = b"c=" + self.binding + b",r=" + parts[b"r"]
        transcript = b",".join((self.bare, challenge, without_proof))
        client_key = hmac.digest(key, b"Client Key", "sha256")
        signature = hmac.digest(hashlib.sha256(client_key).digest(), transcript, "sha256")
        proof = bytes(a ^ b for a, b in zip(client_key, signature))
        self.expected = base64.b64encode(hmac.digest(hmac.digest(key, b"Server Key", "sha256"), transcript, "sha256"))
        return message(b"p", without_proof + b",p=" + base64.b64encode(proof))

    def check(self, final: bytes) -> None:
        """The server must have known the password as well."""
        if final != b"v=" + self.expected:
            raise ServerError({"C": "28000", "M": f"the server's SCRAM signature is wrong: {final!r}"})


class Wire:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter):
        self.reader = reader
        self.writer = writer
        self.parameters: dict[str, str] = {}
        self.key = b""
        self.status = ""

    @classmethod
    async def open(cls, host: str, port: int) -> "Wire":
        """A connection that has not said anything yet."""
        return cls(*await asyncio.open_connection(host, port))

    @classmethod
    async def login(cls, host: str, port: int, user: str, database: str, password: str = "", **parameters) -> "Wire":
        """A connection that is ready for queries."""
        wire = await cls.open(host, port)
        try:
            wire.send(startup(user, database, **parameters))
            await wire.authenticate(user, password)
            await wire.until_ready()
        except BaseException:
            wire.abort()
            raise
        return wire

    async def ask(self, request: int) -> bytes:
        """The one byte with which an SSLRequest or a GSSENCRequest is answered."""
        self.send(struct.pack("!ii", 8, request))
        return await self.reader.readexactly(1)

    async def secure(self) -> bytes:
        """TLS, of which nothing is checked; the certificate's hash."""
        await self.writer.start_tls(ssl._create_unverified_context())
        return hashlib.sha256(self.writer.get_extra_info("ssl_object").getpeercert(True)).digest()

    def send(self, octets: bytes) -> None:
        """Bytes as they are."""
        self.writer.write(octets)

    async def read(self) -> tuple[bytes, bytes]:
        """The next message: its tag and its body. An ErrorResponse is returned like any other."""
        head = await self.reader.readexactly(5)
        return head[:1], await self.reader.readexactly(int.from_bytes(head[1:], "big") - 4)

    async def authenticate(self, user: str, password: str, end_point: bytes = b"") -> None:
        """What is asked after the startup packet, up to AuthenticationOk; bound to the certificate with this hash."""
        scram = Scram(password, end_point)
        while True:
            tag, body = await self.read()
            if tag == b"E":
                raise ServerError(error_fields(body))
            assert tag == b"R", f"{tag!r} instead of an authentication request"
            kind = int.from_bytes(body[:4], "big")
            if kind == 0:
                return
            if kind == 3:
                self.send(message(b"p", password.encode() + b"\0"))
            elif kind == 5:
                self.send(message(b"p", md5_answer(user, password, body[4:8]) + b"\0"))
            elif kind == 10:
                self.send(scram.first())
            elif kind == 11:
                self.send(scram.final(body[4:]))
            elif kind == 12:
                scram.check(body[4:])
            else:
                raise ServerError({"C": "0A000", "M": f"authentication request {kind} is not spoken here"})

    async def until_ready(self) -> list[tuple[bytes, bytes]]:
        """The messages up to ReadyForQuery; raises the error among them, if there was one."""
        messages, failure = [], None
        while True:
            tag, body = await self.read()
            if tag == b"Z":
                self.status = body.decode()
                break
            if tag == b"E":
                failure = ServerError(error_fields(body))
                if failure.fields.get("V", failure.fields.get("S")) in ("FATAL", "PANIC"):
                    break
            elif tag == b"S":
                key, value, _ = body.decode().split("\0")
                self.parameters[key] = value
            elif tag == b"K":
                self.key = body
            messages.append((tag, body))
        if failure:
            raise failure
        return messages

    async def query(self, sql: str) -> list[list[str | None]]:
        """Runs a simple query; its rows as text."""
        self.send(query(sql))
        return [columns(body) for tag, body in await self.until_ready() if tag == b"D"]

    async def close(self) -> None:
        """Says goodbye."""
        self.send(TERMINATE)
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            pass

    def abort(self) -> None:
        """Leaves without a word."""
        self.writer.transport.abort()


def md5_answer(user: str, password: str, salt: bytes) -> bytes:
    """What AuthenticationMD5Password asks for."""
    stored = hashlib.md5((password + user).encode()).hexdigest()
    return b"md5" + hashlib.md5(stored.encode() + salt).hexdigest().encode()


def md5_secret(user: str, password: str) -> str:
    """A secret as Postgres stores it: `md5…`."""
    return "md5" + hashlib.md5((password + user).encode()).hexdigest()


def scram_secret(password: str, iterations: int = 4096, salt: bytes | None = None) -> str:
    """A secret as Postgres stores it: `SCRAM-SHA-256$…`."""
    salt = salt or os.urandom(16)
    key = salted(password, salt, iterations)
    stored = hashlib.sha256(hmac.digest(key, b"Client Key", "sha256")).digest()
    server = hmac.digest(key, b"Server Key", "sha256")
    salt64, stored64, server64 = (base64.b64encode(part).decode() for part in (salt, stored, server))
    return f"SCRAM-SHA-256${iterations}:{salt64}${stored64}:{server64}"


def error_fields(body: bytes) -> dict[str, str]:
    """The fields of an ErrorResponse or a NoticeResponse."""
    return {field[:1].decode(): field[1:].decode() for field in body.split(b"\0") if field}


def columns(body: bytes) -> list[str | None]:
    """The columns of a DataRow in text format."""
    count, at, row = int.from_bytes(body[:2], "big"), 2, []
    for _ in range(count):
        length = int.from_bytes(body[at : at + 4], "big", signed=True)
        at += 4
        row.append(None if length < 0 else body[at : at + length].decode())
        at += max(length, 0)
    return row
