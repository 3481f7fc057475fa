"""One client, on one of the two sides: sends what it says, hears what it is owed."""

import select
import socket
import time
from collections.abc import Callable

from sequences.normal import escaped, normal
from sequences.owing import Owing
from sequences.script import Line
from sequences.unnamed import Unnamed
from support.wire import startup

# What is cut is read in two pieces where they do not arrive together. Whether they do changes no answer.
BETWEEN_PIECES = 0.002

SILENCE, THE_END = "(silence)", "(the end)"


class Player:
    """A connection and what it is owed. `told`: the replies since the last step, a line each."""

    def __init__(self, address: tuple[str, int, str], user: str, login: dict):
        host, port, database = address
        self.socket = socket.create_connection((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.setblocking(False)
        self.received = bytearray()
        self.owing = Owing()
        self.unnamed = Unnamed()
        # The connection has ended; and all that came before has been told.
        self.ended = self.gone = False
        self.told: list[str] = []
        self.notified: list[str] = []
        # As reported up to the last ReadyForQuery, and since.
        self.parameters: dict[str, str] = {}
        self.news: dict[str, str] = {}
        self._write(startup(user, database, **login))

    def log_in(self, patience: float) -> None:
        """Hears all up to the first ReadyForQuery."""
        self.hear(lambda: self.told[-1:] and self.told[-1].startswith("Z"), patience)

    def say(self, lines: list[Line]) -> None:
        """Sends a step."""
        pieces, cut = [b""], None
        for line in lines:
            if line.verb == "cut":
                cut = int(line.rest)
            elif line.verb != "wait":
                self.owing.send(line.verb)
                octets = line.octets()
                pieces[-1] += octets[:cut]
                pieces += [octets[cut:]] if cut is not None else []
                cut = None
        for at, piece in enumerate(pieces):
            time.sleep(BETWEEN_PIECES if at else 0)
            self._write(piece)

    def hear(self, is_enough: Callable[[], bool], patience: float) -> None:
        """Reads until it is enough, all is over, or nothing comes any more."""
        deadline = time.monotonic() + patience
        while not is_enough() and not self.gone:
            message = self._next(deadline)
            if message is None:
                self.told.append(SILENCE)
                return
            self._note(*message)

    def take(self) -> list[str]:
        """What was told since the last time."""
        told, self.told = self.told, []
        return told

    def close(self) -> None:
        """Leaves without a word."""
        self.socket.close()

    def _note(self, tag: str, body: bytes) -> None:
        """One message: most are told as they are, parameters with the next ReadyForQuery, notifications apart."""
        self.owing.receive(tag, body)
        if tag == "S":
            name, value = body.decode("latin-1").split("\0")[:2]
            self.news[name] = value
        elif tag == "A":
            self.notified.append(escaped(body[4:]))
        elif tag == "Z":
            self.told.append(f"Z {body.decode()}" + self._told_parameters())
        elif tag == THE_END:
            self.gone = True
            self.told.append(THE_END)
        elif tag not in "RK":
            self.told.append(normal(tag, body))

    def _told_parameters(self) -> str:
        """Those that are other than at the last ReadyForQuery."""
        changed = {name: value for name, value in sorted(self.news.items()) if self.parameters.get(name) != value}
        self.parameters |= changed
        self.news = {}
        return "".join(f" {name}={value!r}" for name, value in changed.items())

    def _next(self, deadline: float) -> tuple[str, bytes] | None:
        """The next message, or that there is none; `None` for silence."""
        while not self._is_whole():
            if self.ended:
                return THE_END, b""
            if not select.select([self.socket], [], [], max(deadline - time.monotonic(), 0))[0]:
                return None
            self._receive()
        length = 1 + int.from_bytes(self.received[1:5], "big")
        tag, body = chr(self.received[0]), bytes(self.received[5:length])
        del self.received[:length]
        return tag, body

    def _is_whole(self) -> bool:
        return len(self.received) >= 5 and len(self.received) > int.from_bytes(self.received[1:5], "big")

    def _receive(self) -> None:
        try:
            octets = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        self.received += octets
        self.ended = not octets

    def _write(self, octets: bytes) -> None:
        """Reads meanwhile, as the other side may not go on before that. Whoever has been thrown out will read so."""
        rest = memoryview(octets)
        while rest and not self.ended:
            readable, writable, _ = select.select([self.socket], [self.socket], [])
            if readable:
                self._receive()
            if writable:
                try:
                    rest = rest[self.socket.send(rest) :]
                except BlockingIOError:
                    continue
                except OSError:
                    return
