"""A batch on its way: the parts still to send, and the records that may be to blame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fm_otel.encoding.otlp import shorten

if TYPE_CHECKING:
    from fm_otel.sinks.ring import Item

MAX_SUSPECTS: Final = 4
"""Single records refused in a row, before the receiver ever took one, that make it the culprit."""


class Batch:
    """Records taken together, cut into parts as the receiver's answers demand.

    ``part`` is what to send next. A batch is true while it has one.
    """

    def __init__(self) -> None:
        self._parts: list[list[Item]] = []
        self._suspects: list[Item] = []
        self._whole: dict[Item, Item] = {}

    def __bool__(self) -> bool:
        """Return whether there is a part to send."""
        return bool(self._parts)

    def __len__(self) -> int:
        """Return how many records are still to send."""
        return sum(len(part) for part in self._parts)

    @property
    def part(self) -> list[Item]:
        """The part to send next."""
        return self._parts[-1]

    def begin(self, items: list[Item]) -> None:
        """Take ``items`` as the one part."""
        self._parts = [items]
        self._whole = {}

    def done(self) -> None:
        """Leave the part behind: it was delivered, or counted."""
        self._parts.pop()

    def halve(self) -> None:
        """Send the part as two, in order."""
        part = self._parts.pop()
        middle = len(part) // 2
        self._parts += [part[middle:], part[:middle]]

    def shorten(self) -> bool:
        """Cut the part's only record; return False when nothing could be cut."""
        (item,) = self.part
        site, record = item
        shorter = (site, shorten(record))
        if len(shorter[1]) >= len(record):
            return False
        self._parts[-1] = [shorter]
        self._whole[shorter] = item
        return True

    def give_up(self) -> Item:
        """Leave the part's only record behind; return it as it was before it was cut."""
        (item,) = self._parts.pop()
        return self._whole.get(item, item)

    def suspect(self, *, proven: bool) -> bool:
        """Set the part's only record aside as refused; return whether to go on.

        Nothing can be said where the receiver, not ``proven`` to take anything, refuses all it
        is given: a wrong address answers so as well. Then every record is one part again, turned
        round so that others are tried before the suspects.
        """
        self._suspects.append(self.give_up())
        if proven or (self._parts and len(self._suspects) < MAX_SUSPECTS):
            return True
        rest = [item for part in reversed(self._parts) for item in part]
        self._parts = [[*reversed(rest), *reversed(self._suspects)]]
        self._suspects = []
        return False

    def joined_by(self, items: list[Item]) -> None:
        """Let newer records be sent with the part."""
        self._parts[-1] = [*self.part, *items]

    def refused(self) -> list[Item]:
        """Return the suspects, now that the others went through, and forget them."""
        suspects, self._suspects = self._suspects, []
        return suspects
