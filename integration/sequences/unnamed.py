"""Whether it is known what the unnamed statement and the unnamed portal are. Neither of them itself.

pgweir takes the last text that the client sent for the statement; where that was skipped behind an error, Postgres still has
the one before (`known`: "unnamed, skipped"). So it is used where its Parse is sure to have been read: in the same batch, or
after the answers have shown no error. The portal is executed in the batch of its Bind and nowhere else."""

from sequences.script import Line

# pgweir keeps no longer text of it once it has been bound (docs/transaction-mode.md, Not carried).
KEPT = 16 * 1024


class Unnamed:
    """One client's."""

    def __init__(self):
        self.is_certain = True
        self.is_large = False

    def allows(self, lines: list[Line]) -> bool:
        """Whether a step uses them only where they are known."""
        is_certain, in_batch, is_bound = self.is_certain, False, False
        for line in lines:
            if uses(line) and not (is_certain or in_batch) or executes(line) and not is_bound:
                return False
            if line.verb in ("S", "Q", "F"):
                is_certain, in_batch, is_bound = is_certain and not in_batch, False, False
            in_batch |= replaces(line)
            is_bound |= line.what.startswith("B - ")
        return True

    def played(self, lines: list[Line], erred: bool) -> None:
        """A step has been answered, with an error among the answers or with none."""
        replaced = [line for line in lines if replaces(line) or line.verb == "Q"]
        if replaced:
            self.is_certain, self.is_large = not erred, len(replaced[-1].octets()) > KEPT
        if self.is_large and any(line.verb == "B" for line in lines):
            self.is_certain = False


def replaces(line: Line) -> bool:
    """Whether the statement is another afterwards, or none. Types may follow the name of a Parse."""
    return line.what == "C S -" or line.verb == "P" and line.rest.split(" ")[0].partition(":")[0] == "-"


def uses(line: Line) -> bool:
    """Whether the statement must be there."""
    return line.what == "D S -" or line.verb == "B" and line.rest.split(" ")[1] == "-"


def executes(line: Line) -> bool:
    """Whether the portal must be there."""
    return line.what.startswith("E - ")
