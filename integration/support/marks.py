"""Values that nobody would write by chance, and where they turn up again."""

import random
import re
import string
from pathlib import Path

LETTERS = 12
DIGITS = 15

# Memory is read in pieces of so many bytes, each with the end of the one before.
PIECE = 1 << 22
OVERLAP = 256


class Marks:
    """Makes values, each for one path that it is sent by; finds them in what is told afterwards."""

    def __init__(self):
        self.paths: dict[str, str] = {}

    def text(self, path: str) -> str:
        """Letters; fit for an e-mail address, a name, a key."""
        return self._new(path, "zq" + "".join(random.choices(string.ascii_lowercase, k=LETTERS)))

    def number(self, path: str) -> int:
        """A whole number that fits a bigint."""
        return int(self._new(path, str(random.randrange(10 ** (DIGITS - 1), 10**DIGITS))))

    def _new(self, path: str, mark: str) -> str:
        self.paths[mark] = path
        return mark

    def within(self, told: str) -> set[str]:
        """The paths of those that a text holds, whole or their greater part."""
        return {path for mark, path in self.paths.items() if mark[:10] in told}

    def in_memory(self, pid: int) -> dict[str, int]:
        """The paths of those that lie in what a process may write to, and how often."""
        found: dict[str, int] = {}
        pattern = re.compile(b"|".join(re.escape(mark.encode()) for mark in self.paths))
        for piece in writable(pid):
            for hit in pattern.findall(piece):
                path = self.paths[hit.decode()]
                found[path] = found.get(path, 0) + 1
        return found


def writable(pid: int):
    """The memory of a process, piece by piece: heap, stacks, variables."""
    with open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in Path(f"/proc/{pid}/maps").read_text().splitlines():
            addresses, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            begin, end = (int(address, 16) for address in addresses.split("-"))
            for at in range(begin, end, PIECE):
                try:
                    memory.seek(at)
                    yield memory.read(min(PIECE + OVERLAP, end - at))
                except OSError:
                    break
