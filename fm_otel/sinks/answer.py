"""What a receiver's answer means for the batch it was given."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Protocol

from fm_otel.encoding.protobuf import read

_MAX_MESSAGE = 200


class Verdict(Enum):
    """What to do with a batch after its answer."""

    DELIVERED = auto()
    RETRY = auto()
    SPLIT = auto()
    BISECT = auto()
    HOLD = auto()


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request.

    ``retry_after`` is the pause in seconds the receiver asked for, ``rejected`` the number of
    records it accepted the request without, ``message`` what to tell a person.
    """

    verdict: Verdict
    message: str = ""
    retry_after: float | None = None
    rejected: int = 0


class Transport(Protocol):
    """Carries requests to one receiver over one connection."""

    def send(self, payload: bytes, timeout: float) -> Answer:
        """Send a serialised export request; never raises for what network or receiver do."""
        ...

    def close(self) -> None:
        """Let go of the connection, from any thread, also under a request that hangs."""
        ...

    def before_fork(self) -> None:
        """Give up what a child must not inherit."""
        ...

    def after_fork(self) -> None:
        """In a forked child: drop the parent's connection without a word to the receiver."""
        ...


def delivered(body: bytes) -> Answer:
    """Return the answer of an ``ExportLogsServiceResponse``, partial success included."""
    rejected, message = 0, ""
    try:
        for field, value in read(body):
            if field == 1 and isinstance(value, bytes):
                rejected, message = _partial_success(value)
    except ValueError:
        # A success without a readable body is a success: proxies answer so.
        return Answer(Verdict.DELIVERED)
    return Answer(Verdict.DELIVERED, message, rejected=rejected)


def _partial_success(partial: bytes) -> tuple[int, str]:
    rejected, message = 0, ""
    for field, value in read(partial):
        if field == 1 and isinstance(value, int):
            rejected = value
        elif field == 2 and isinstance(value, bytes):
            message = printable(value.decode(errors="replace"))
    return rejected, message


def printable(text: str) -> str:
    """Return what a stranger sent as one short line."""
    line = "".join(c if c.isprintable() else " " for c in text[:_MAX_MESSAGE])
    return " ".join(line.split())
