"""Request context: the fields every record of a request carries.

One ContextVar holds a *holder*, a read-only mapping with an immutable *snapshot* of its fields.
The request door opens one holder per request; it travels by reference into threads, sync
dependencies and background tasks, so a field set in any of them is seen by all. ``bound_context``
and ``LogContext`` put an *overlay* on top, which covers its own keys until it is released.
Outside a request each write installs a new holder in the current context only, so that parallel
tasks never mix.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, TypeAlias, cast, final

from fm_otel.fields import CONTEXT_FIELDS, RECORD_ATTRIBUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

Value: TypeAlias = str | int | float | bool
Fields: TypeAlias = dict[str, Value]

_TEXT_FIELDS: Final = frozenset(CONTEXT_FIELDS)
_phases: Final = logging.getLogger("faultmaven.agent")


class Snapshot:
    """The fields of a context at one moment; never changed, so later stations cache on it.

    ``shaped`` is free for the layout of the fields that all records of the context share.
    """

    __slots__ = ("correlation_id", "fields", "shaped")

    def __init__(self, fields: Fields) -> None:
        self.fields: Final = fields
        # Text fields are text once cleaned.
        self.correlation_id: Final = cast("str | None", fields.get("correlation_id"))
        self.shaped: Any = None


class Holder(Mapping[str, Value]):
    """A context's fields, read-only; ``snapshot`` is what a record takes along."""

    __slots__ = ("phase_since", "snapshot")

    def __init__(self, fields: Fields, before: Holder | None = None) -> None:
        self.phase_since: float | None = None
        self.snapshot: Snapshot
        self._take(fields, before)

    def _take(self, fields: Fields, before: Holder | None) -> None:
        phase = fields.get("agent_phase")
        if phase is None:
            self.phase_since = None
        elif before is not None and before.snapshot.fields.get("agent_phase") == phase:
            self.phase_since = before.phase_since
        else:
            self.phase_since = time.monotonic()
        self.snapshot = Snapshot(fields)

    @property
    def fields(self) -> Fields:
        """The fields of the current snapshot; not to be changed."""
        return self.snapshot.fields

    def __getitem__(self, key: str) -> Value:
        """Give the value of a field."""
        return self.snapshot.fields[key]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the names of the fields."""
        return iter(self.snapshot.fields)

    def __len__(self) -> int:
        """Count the fields."""
        return len(self.snapshot.fields)

    def __repr__(self) -> str:
        """Show the fields."""
        return f"{type(self).__name__}({self.snapshot.fields!r})"


# Asking for the exact type: isinstance() of an abstract class's child costs a microsecond.
@final
class RequestHolder(Holder):
    """The holder of one request, written from any of its threads and tasks.

    Overlays are kept up to date by the writer, so that reading ``snapshot``, which every record
    does, stays one attribute access. ``quiet``: the request is a health check that succeeded;
    ``ended``: its record was written.
    """

    __slots__ = ("ended", "lock", "opened", "overlays", "quiet")

    def __init__(self, fields: Fields) -> None:
        super().__init__(fields)
        self.ended = False
        self.quiet = False
        self.opened: Final = fields
        # Re-entrant: a signal handler or a finaliser may write while its own thread does.
        self.lock: Final = threading.RLock()
        self.overlays: Final[dict[int, Overlay]] = {}

    def write(self, written: Mapping[str, Value | None], kept: Fields | None, via: Holder) -> None:
        """Put ``written`` over ``kept``, or over all fields, and show it through ``via``."""
        with self.lock:
            base = self.snapshot.fields if kept is None else kept
            self._take(_merged(base, written), self)
            while type(via) is Overlay:
                via.own = _without(via.own, written)
                via = via.parent
            for overlay in tuple(self.overlays.values()):
                overlay.refresh()


@final
class Overlay(Holder):
    """Own keys over a base holder, following the base where that is a request's."""

    __slots__ = ("base", "own", "parent")

    def __init__(self, parent: Holder, own: Fields) -> None:
        self.parent: Final = parent
        self.base: Final[Holder] = _base(parent)
        self.own: Fields = {**parent.own, **own} if type(parent) is Overlay else own
        if type(self.base) is not RequestHolder:
            super().__init__({**self.base.fields, **self.own}, parent)
            return
        with self.base.lock:
            super().__init__({**self.base.fields, **self.own}, parent)
            self.base.overlays[id(self)] = self

    def refresh(self) -> None:
        """Take over what changed in the base."""
        self._take({**self.base.fields, **self.own}, self)

    def release(self) -> None:
        """Stop following the base."""
        if type(self.base) is RequestHolder:
            with self.base.lock:
                self.base.overlays.pop(id(self), None)


class Binding:
    """An installed holder and the way back to the one before it."""

    __slots__ = ("holder", "token")

    def __init__(self, holder: Holder) -> None:
        self.holder: Final = holder
        self.token: Final[Token[Holder]] = request_context.set(holder)

    def undo(self) -> bool:
        """Restore what was there before; return whether this is the Context it was opened in."""
        if type(self.holder) is Overlay:
            self.holder.release()
        try:
            request_context.reset(self.token)
        except ValueError:
            if request_context.get() is self.holder:
                before = self.token.old_value
                request_context.set(before if isinstance(before, Holder) else EMPTY)
            return False
        return True


EMPTY: Final = Holder({})
"""The context outside every request; shared, never written."""

request_context: Final[ContextVar[Holder]] = ContextVar("request_context", default=EMPTY)
"""The current holder, for readers."""


def current_snapshot() -> Snapshot:
    """Give the snapshot that a record made now carries."""
    return request_context.get().snapshot


def set_request_context(fields: Mapping[str, object]) -> None:
    """Replace the context's fields; those the request was opened with stay unless given."""
    _write(_cleaned(fields), replace=True)


def update_request_context(**fields: object) -> None:
    """Set some of the context's fields; None removes one."""
    _write(_cleaned(fields), replace=False)


def get_request_context() -> Fields:
    """Give a copy of the fields in force."""
    return dict(request_context.get().snapshot.fields)


def clear_request_context() -> None:
    """Remove every field but those the request was opened with."""
    _write({}, replace=True)


@contextmanager
def bound_context(**fields: object) -> Iterator[None]:
    """Add fields inside a ``with`` block and restore exactly what was there before."""
    binding = bind(fields)
    try:
        yield
    finally:
        binding.undo()


def bind(fields: Mapping[str, object]) -> Binding:
    """Overlay fields on the current context until the binding is undone."""
    own = _merged({}, _cleaned(fields))
    return Binding(Overlay(request_context.get(), own))


def new_request(fields: Mapping[str, object]) -> RequestHolder:
    """Make the holder of a request, to be installed by a ``Binding``."""
    return RequestHolder(_merged({}, _cleaned(fields)))


def open_request(fields: Mapping[str, object]) -> Binding:
    """Open the holder of a request; every write until it is closed goes there."""
    return Binding(new_request(fields))


def close_request(opened: Binding) -> None:
    """Leave a request's holder."""
    opened.undo()


def request_holder() -> RequestHolder | None:
    """Give the holder of the request that is being served here, if one is."""
    base = _base(request_context.get())
    return base if type(base) is RequestHolder else None


def set_agent_phase(phase: str, **fields: object) -> None:
    """Enter a phase of the investigation and record the transition, with ``fields`` on it."""
    left = request_context.get()
    before, since = left.fields.get("agent_phase"), left.phase_since
    update_request_context(agent_phase=phase)
    entered = request_context.get().fields.get("agent_phase")
    transition: dict[str, object] = {
        "event": "faultmaven.agent.phase_transition",
        "agent_phase_from": before,
        "agent_phase_to": entered,
        "duration_ms": None if since is None else milliseconds(time.monotonic() - since),
    }
    extra = as_extra(_phases, {**_present(transition), **fields})
    _phases.info("agent phase %s -> %s", before or "none", entered, extra=extra, stacklevel=2)


def milliseconds(seconds: float) -> float:
    """Give a duration as records show it."""
    return round(seconds * 1000, 3)


def as_extra(logger: logging.Logger, fields: Mapping[str, object]) -> dict[str, object]:
    """Make fields fit for a logging call: names that LogRecord owns move under ``extra``.

    Only plain stdlib refuses those; a configured engine sorts them itself.
    """
    clashing = fields.keys() & RECORD_ATTRIBUTES
    if not clashing or type(logger).makeRecord.__module__ != "logging":
        return dict(fields)
    return {**_without(fields, clashing), "extra": {key: fields[key] for key in clashing}}


def _base(holder: Holder) -> Holder:
    return holder.base if type(holder) is Overlay else holder


def _write(fields: Mapping[str, Value | None], *, replace: bool) -> None:
    current = request_context.get()
    base = _base(current)
    if type(base) is RequestHolder:
        base.write(fields, base.opened if replace else None, current)
        return
    holder = Holder(_merged({} if replace else base.fields, fields), current)
    if type(current) is Overlay:
        holder = Overlay(holder, _without(current.own, fields))
    request_context.set(holder)


def _merged(base: Fields, written: Mapping[str, Value | None]) -> Fields:
    return _present({**base, **written})


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def _without(fields: Mapping[str, Any], keys: Any) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if key not in keys}


def _cleaned(fields: Mapping[str, object]) -> dict[str, Value | None]:
    return {str(key): _clean(str(key), value) for key, value in fields.items()}


def _clean(key: str, value: object) -> Value | None:
    if value is None or type(value) is str:
        return value
    if isinstance(value, Enum):
        return _clean(key, value.value)
    if isinstance(value, (bool, int, float)) and key not in _TEXT_FIELDS:
        return value
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - the user's __str__ may fail
        return f"<unprintable {type(value).__qualname__}>"
