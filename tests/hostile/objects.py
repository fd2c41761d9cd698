"""Objects that misbehave when they are logged."""

from __future__ import annotations

import collections
import dataclasses
import enum
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def refuse(*_: object, **__: object) -> NoReturn:
    """Stand for a method that nobody may call."""
    message = "must not be called"
    raise RuntimeError(message)


class Unprintable:
    """Raises in both of its texts."""

    __str__ = __repr__ = refuse


class Untouchable:
    """May be shown by its repr and not be asked anything else."""

    __bool__ = __eq__ = __len__ = __iter__ = __getitem__ = __contains__ = __hash__ = refuse

    def __getattr__(self, name: str) -> NoReturn:
        refuse(name)

    def __repr__(self) -> str:
        return "<Untouchable>"


class HostileMeta(type):
    """A class of classes that cannot be hashed or compared."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(cls, other: object) -> bool:
        refuse(other)


class OfHostileClass(metaclass=HostileMeta):
    """An instance of a class with a hostile metaclass."""

    def __repr__(self) -> str:
        return "<OfHostileClass>"


class LyingClass:
    """Raises when asked for its class, as broken proxies do."""

    @property  # type: ignore[misc]
    def __class__(self) -> type:
        refuse()

    def __repr__(self) -> str:
        return "<LyingClass>"


class Text(str):
    """A text whose methods lie."""

    __slots__ = ()
    __str__ = __repr__ = __mod__ = __getitem__ = __len__ = encode = isascii = refuse


class Number(int):
    """A number whose methods lie."""

    __str__ = __repr__ = __int__ = __index__ = __lt__ = __le__ = refuse


class Mapping(dict[str, object]):
    """A dict whose methods lie."""

    __iter__ = __len__ = __getitem__ = items = keys = refuse


class Changing(collections.abc.Mapping[str, int]):
    """A mapping that changes whenever it is read."""

    def __getitem__(self, key: str) -> int:
        return len(key)

    def __iter__(self) -> Iterator[str]:
        yield "a"
        message = "dictionary changed size during iteration"
        raise RuntimeError(message)

    def __len__(self) -> int:
        return 1


class Lazy:
    """Like an ORM row: reading the attribute would fetch it."""

    @property
    def rows(self) -> NoReturn:
        """Fetch."""
        refuse()

    def __repr__(self) -> str:
        return "<Lazy>"


class Stopping:
    """Stops the program from within its text."""

    def __init__(self, kind: type[BaseException]) -> None:
        self._kind = kind

    def __str__(self) -> str:
        raise self._kind

    __repr__ = __str__


class Talkative:
    """Logs from within its text."""

    def __init__(self, say: Callable[[], None]) -> None:
        self._say = say

    def __str__(self) -> str:
        self._say()
        return "talkative"

    __repr__ = __str__


class Phase(enum.Enum):
    """An enumeration."""

    TRIAGE = "triage"


@dataclasses.dataclass
class Case:
    """A data class that hides one field from its repr."""

    name: str
    token: str = dataclasses.field(default="hidden-by-repr", repr=False)


class UnprintableError(Exception):
    """Has no text."""

    __str__ = __repr__ = refuse


def chain(length: int) -> BaseException:
    """Raise ``length`` exceptions, each because of the one before."""
    error: BaseException | None = None
    for number in range(length):
        try:
            raise ValueError(f"number {number}") from error  # noqa: EM102, TRY301 - the text
        except ValueError as caught:
            error = caught
    assert error is not None
    return error


def raised(error: BaseException) -> BaseException:
    """Return ``error`` with a traceback."""
    try:
        raise error
    except BaseException as caught:  # noqa: BLE001 - any kind is wanted
        return caught


def tower(height: int) -> object:
    """Build lists in lists."""
    value: object = "bottom"
    for _ in range(height):
        value = [value]
    return value


def loop() -> dict[str, object]:
    """Build a dict that holds itself through a list."""
    made: dict[str, object] = {"a": 1}
    made["again"] = [made]
    return made
