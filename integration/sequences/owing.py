"""What a client still has to hear, so that it knows how long to read. It believes the tags that it sees, and is a model of the
protocol of its own, so that a mistake of pgweir's is not made twice. The same as tests/same/owing.rs."""

from collections import deque

PLAIN = "plain"
# An error came, and no Sync has been sent.
SKIPPING = "skipping"
# The server reads a COPY whose end has not been sent.
COPYING = "copying"

# Which reply ends which message.
ENDS = {("P", "1"), ("B", "2"), ("C", "3"), ("D", "T"), ("D", "n"), ("E", "C"), ("E", "I"), ("E", "s")}


class Owing:
    """Messages by their tags."""

    def __init__(self):
        # Those that are not answered, oldest first; the ends of a COPY mark their place.
        self.sent: deque[str] = deque()
        self.course = PLAIN
        # Something of the extended protocol was sent after the last Sync; a Bind or an Execute among it; and the same after the
        # last Flush: the server may keep its answer to itself.
        self.unsynced = self.bound = self.unflushed = False
        # The last ReadyForQuery's.
        self.status = "I"

    def send(self, tag: str) -> None:
        """The client has sent a message with this tag."""
        self.unflushed = tag in "PBDEC" or (self.unflushed and tag in "dcf")
        if tag in "dH" or (self.course == COPYING and tag == "S"):
            return
        if self.course == COPYING and tag in "cf":
            self.course = PLAIN
            return
        if self.course == SKIPPING:
            if tag != "S":
                return
            self.course = PLAIN
        if tag in "SQF":
            self.unsynced = self.bound = False
        elif tag not in "cf":
            self.unsynced, self.bound = True, self.bound or tag in "BE"
        self.sent.append(tag)
        self._drop_ends()

    def receive(self, tag: str, body: bytes) -> None:
        """The client has received a message."""
        self._drop_ends()
        first = self.sent[0] if self.sent else ""
        if tag == "Z":
            self.status = body.decode()
            if self.sent:
                self.sent.popleft()
        elif tag == "G" and first in ("Q", "E"):
            self._begin_copy()
        elif tag == "E" and first in ("Q", "F", "S"):
            self.course = PLAIN
        elif tag == "E":
            self._skip()
        elif (first, tag) in ENDS:
            self.sent.popleft()
        self._drop_ends()

    def is_owed(self) -> bool:
        """Whether the server has anything to say before the client says more."""
        return bool(self.sent) and self.course != COPYING

    def can_wait(self) -> bool:
        """Whether all that is owed will come before the client says more."""
        return not self.unflushed

    def is_at_rest(self) -> bool:
        """Whether the session has come to an end of a transaction, and another client may have its server. What has been
        prepared, and asked for by Flush, needs no Sync for that."""
        ended = not self.unsynced or (not self.bound and not self.unflushed)
        return not self.sent and self.course == PLAIN and ended and self.status == "I"

    def _begin_copy(self) -> None:
        """Syncs that the server has read as a part of the COPY are not answered."""
        self.course = COPYING
        while len(self.sent) > 1 and self.sent[1] in "Scf":
            tag = self.sent[1]
            del self.sent[1]
            if tag == "S":
                self.unsynced = self.bound = True
                continue
            self.course = PLAIN
            last = next((tag for tag in reversed(self.sent) if tag not in "cf"), "")
            self.unsynced = self.bound = last not in ("S", "Q", "F")
            return

    def _skip(self) -> None:
        while self.sent and self.sent[0] != "S":
            self.sent.popleft()
        self.course = PLAIN if self.sent else SKIPPING

    def _drop_ends(self) -> None:
        while self.sent and self.sent[0] in "cf":
            self.sent.popleft()
