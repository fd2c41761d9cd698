"""The hook below stdlib's handlers: ``Logger.callHandlers``, where every record passes.

A handler on the root logger misses what servers and frameworks keep from propagating, and is lost
to the next ``dictConfig``. The hook sees each record once, whatever handlers stand where, and
leaves the application's handlers their record unchanged; those that write to the console are
silent while ours stands in for them.
"""

from __future__ import annotations

import logging
import logging.config
import logging.handlers
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakSet

from fm_otel.bridge.consoles import is_console, only_writes, silenced, silent
from fm_otel.bridge.fast_logger import FastLane, caller, collides, is_stock, normalised, posing
from fm_otel.capture import AUDIT_LOGGER, passing
from fm_otel.structured import ASIDE, NOTES
from fm_otel.values import message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fm_otel.engine import Engine
    from fm_otel.record import Captured

SEEN: Final = "_fm_otel_seen"
"""Attribute of copies that a ``QueueHandler`` sends on: their record was captured before."""

_NEVER: Final = 1 << 30
_MAX_THRESHOLDS: Final = 4096
_OURS: Final = ("fm_otel", "opentelemetry")
_TRANSPORTS: Final = ("urllib3", "requests", "grpc", "http.client", "httpcore", "httpx")
_OWN_THREADS: Final = ("fm_otel", "Otel")


_muted: Final[set[int]] = set()
"""Threads that run code whose own records must not come back to the engine."""


class Hook:
    """Captures every stdlib record of the process for one engine."""

    def __init__(self, engine: Engine) -> None:
        settings = engine.settings
        self.engine = engine
        self._owns_console = settings.console == "own"
        self._floor = settings.level if settings.level_explicit else 0
        self._levels = dict(settings.levels)
        self._levels_given = "levels" in settings.sources
        self._thresholds: dict[str, int] = {}
        self._transports: set[str] = set()
        self._seen: WeakSet[logging.LogRecord] = WeakSet()
        self._patches: list[tuple[Any, str, Any, Any]] = []
        self._lane = FastLane(owns_console=self._owns_console)
        self.active = False

    # ---- installing

    def install(self) -> None:
        """Put the hook in place; its wrappers pass everything on when it is inactive."""
        self.active = True
        logger, handler = logging.Logger, logging.Handler
        self._patch(logger, "callHandlers", self._call_handlers)
        self._patch(logger, "makeRecord", self._make_record)
        self._patch(logger, "log", self._log)
        self._patch(logger, "_log", self._log_call)
        self._patch(logger, "setLevel", self._set_level)
        self._patch(handler, "handleError", self._handle_error)
        self._patch(logging.handlers.QueueHandler, "prepare", self._prepare)
        self._patch(logging.config, "_handle_existing_loggers", self._handle_existing)
        if self._owns_console:
            self._patch(handler, "handle", self._handle)
            self._patch(logging.StreamHandler, "emit", self._emit)
        self._lane.open()
        self._apply_levels()

    def remove(self) -> None:
        """Take the hook out; where others wrapped it meanwhile it stays and does nothing."""
        self.active = False
        for owner, name, original, wrapper in reversed(self._patches):
            if owner.__dict__.get(name) is wrapper:
                setattr(owner, name, original)
        self._patches.clear()

    def _patch(self, owner: Any, name: str, make: Callable[[Any], Any]) -> None:
        original = getattr(owner, name)
        wrapper = posing(make(original))
        wrapper.__name__, wrapper.__qualname__ = name, getattr(original, "__qualname__", name)
        wrapper.__wrapped__ = original
        wrapper.fm_otel = True
        setattr(owner, name, wrapper)
        self._patches.append((owner, name, original, wrapper))

    def _apply_levels(self) -> None:
        settings, root = self.engine.settings, logging.getLogger()
        if settings.level_explicit or root.level == logging.WARNING:
            root.setLevel(settings.level)
        for name, level in self._levels.items():
            logger = logging.getLogger(name)
            if self._levels_given:
                logger.setLevel(level)
            elif logger.level == logging.NOTSET:
                # The default only quiets: LOG_LEVEL may ask for less, not for more.
                logger.setLevel(max(level, self._floor))

    # ---- the call's way, where nobody needs the record

    def _log_call(self, original: Any) -> Any:
        def log_call(
            logger: logging.Logger, level: int, msg: Any, args: Any, exc_info: Any = None,
            extra: Any = None, stack_info: bool = False, stacklevel: int = 1,
        ) -> None:
            if (
                stacklevel == 1 and not stack_info and type(msg) is str and self.active
                and (msg[:1] != "{" or args) and (extra is None or not collides(extra))
            ):
                threshold = self._thresholds.get(logger.name)
                if threshold is not None and level >= threshold and not logger.disabled:
                    shown = self._lane.admits(logger, level)
                    if shown is not None and self._captured(
                        logger, level, msg, args, normalised(exc_info), extra, shown,
                    ):
                        return
            original(logger, level, msg, args, exc_info, extra, stack_info, stacklevel)

        return log_call

    def _captured(
        self, logger: logging.Logger, level: int, msg: str, args: Any, exc_info: Any,
        extra: dict[str, Any] | None, shown: bool,
    ) -> bool:
        """Capture a call; return False where it must go the ordinary way."""
        name = logger.name
        if name in self._transports or (_muted and threading.get_ident() in _muted):
            return False
        frame = caller(sys._getframe(2))  # noqa: SLF001 - as stdlib's findCaller
        if frame is None:
            return False
        try:
            site = self.engine.capture.sites.at(frame, name, level)
            self.engine.call(site, level, msg, args, exc_info, extra, console=shown)
        except Exception:  # noqa: BLE001 - the ordinary way knows what to do
            return False
        return True

    # ---- the record's way

    def _call_handlers(self, original: Any) -> Any:
        is_stdlibs = is_stock(original)

        def call_handlers(logger: logging.Logger, record: logging.LogRecord) -> None:
            if not self.active:
                original(logger, record)
                return
            threshold = self._thresholds.get(record.name)
            if threshold is None:
                threshold = self._threshold(record.name)
            shown, others, verdicts = self._handlers(logger, record)
            captured = None
            if record.levelno >= threshold:
                if self._admits(record):
                    captured = self.engine.take(record, console=shown)
            elif threshold == _NEVER:
                self._diagnose(record)
            if not others and is_stdlibs:
                return
            self._pass_on(original, logger, record, captured, verdicts)

        return call_handlers

    @posing
    def _pass_on(
        self, original: Any, logger: logging.Logger, record: logging.LogRecord,
        captured: Captured | None, verdicts: dict[int, bool],
    ) -> None:
        """Call the application's handlers; those of the console stay silent."""
        self._seen.add(record)
        before = passing.record, passing.captured, passing.verdicts
        passing.record, passing.captured, passing.verdicts = record, captured, verdicts
        passing.prefix = self.engine.record_prefix
        try:
            original(logger, record)
        finally:
            passing.record, passing.captured, passing.verdicts = before

    def _handlers(
        self, logger: logging.Logger, record: logging.LogRecord,
    ) -> tuple[bool, bool, dict[int, bool]]:
        """Return whether a console handler would show the record, whether handlers have to be
        called, and what the filters of the console handlers said: each is asked once.
        """
        verdicts: dict[int, bool] = {}
        if not self._owns_console:
            # With no handler at all stdlib's last resort would print the raw text.
            return True, logger.hasHandlers(), verdicts
        consoles = admitted = others = False
        current: logging.Logger | None = logger
        while current is not None:
            for handler in current.handlers:
                if not is_console(handler):
                    others = True
                    continue
                consoles = True
                plain = only_writes(handler)
                others = others or not plain
                if record.levelno >= handler.level:
                    shows = (plain and not handler.filters) or bool(handler.filter(record))
                    admitted = admitted or shows
                    if not plain:
                        verdicts[id(handler)] = shows
            if not current.propagate:
                break
            current = current.parent
        return admitted or not consoles, others, verdicts

    def _admits(self, record: logging.LogRecord) -> bool:
        # Seen: held back by somebody's handler and now handed to a logger again.
        if SEEN in record.__dict__ or record in self._seen:
            return False
        if _muted and threading.get_ident() in _muted:
            return False
        if record.name in self._transports:
            return not (record.threadName or "").startswith(_OWN_THREADS)
        return True

    def _threshold(self, name: str) -> int:
        """Return the level from which a logger's records are captured, and remember it."""
        if len(self._thresholds) >= _MAX_THRESHOLDS:
            self._thresholds.clear()
            self._transports.clear()
        if name.startswith(_TRANSPORTS):
            self._transports.add(name)
        threshold = self._floor or -_NEVER
        root = name.partition(".")[0]
        if root in _OURS:
            threshold = _NEVER
        elif name == AUDIT_LOGGER or self._listed(name):
            threshold = -_NEVER
        self._thresholds[name] = threshold
        return threshold

    def _listed(self, name: str) -> bool:
        return self._levels_given and any(
            name == own or name.startswith(own + ".") for own in self._levels
        )

    def _diagnose(self, record: logging.LogRecord) -> None:
        """Say on stderr what our own machinery and OpenTelemetry's have to say."""
        if record.levelno >= logging.WARNING and threading.get_ident() not in _muted:
            message = message_of(record.msg, record.args, [])
            text = message.partition("\n")[0][:500]
            self.engine.report(f"log:{record.name}:{record.lineno}", f"{record.name}: {text}")

    # ---- the other doors of stdlib logging

    def _handle(self, original: Any) -> Any:
        def handle(handler: logging.Handler, record: logging.LogRecord) -> Any:
            if not self.active or not is_console(handler):
                return original(handler, record)
            verdict = passing.verdicts.get(id(handler)) if passing.record is record else None
            if record not in self._seen and not record.__dict__.get(SEEN):
                # From another process, or handed to the handler itself: never captured yet.
                verdict = bool(handler.filter(record))
                if verdict:
                    self._seen.add(record)
                    self.engine.take(record)
            if not only_writes(handler):
                if verdict is None:
                    verdict = bool(handler.filter(record))
                if verdict:
                    self._emit_silently(handler, record)
            return bool(verdict)

        return handle

    @posing
    def _emit_silently(self, handler: logging.Handler, record: logging.LogRecord) -> None:
        """Let a handler do what its class does beside writing."""
        handler.acquire()
        try:
            with silenced(handler):
                handler.emit(record)
        finally:
            handler.release()

    def _emit(self, original: Any) -> Any:
        def emit(handler: Any, record: logging.LogRecord) -> None:
            if silent.handler is not handler:
                original(handler, record)

        return emit

    def _prepare(self, original: Any) -> Any:
        def prepare(handler: Any, record: logging.LogRecord) -> Any:
            prepared = original(handler, record)
            if self.active and prepared is not record and isinstance(prepared, logging.LogRecord):
                prepared.__dict__[SEEN] = True
            return prepared

        return prepare

    def _make_record(self, original: Any) -> Any:
        def make_record(
            logger: logging.Logger, name: Any, level: Any, fn: Any, lno: Any, msg: Any,
            args: Any, exc_info: Any, func: Any = None, extra: Any = None, sinfo: Any = None,
        ) -> logging.LogRecord:
            try:
                record: logging.LogRecord = original(
                    logger, name, level, fn, lno, msg, args, exc_info, func, extra, sinfo,
                )
            except Exception:
                if not self.active:
                    raise
                # Extras that name attributes, or a lone argument that fails when it is asked
                # whether it is a mapping.
                try:
                    record = original(
                        logger, name, level, fn, lno, msg, args, exc_info, func, None, sinfo,
                    )
                except Exception:  # noqa: BLE001 - raises again below if it was not the argument
                    record = original(
                        logger, name, level, fn, lno, msg, (), exc_info, func, None, sinfo,
                    )
                    record.args = args
                if extra is not None:
                    _set_aside(record, extra)
            return record

        return make_record

    def _log(self, original: Any) -> Any:
        def log(
            logger: logging.Logger, level: Any, msg: object, *args: object,
            **kwargs: Any,
        ) -> None:
            if type(level) is not int and self.active:
                level, certain = _level_number(level)
                if not certain:
                    kwargs["extra"] = {**(kwargs.get("extra") or {}), NOTES: ["bad_level"]}
            original(logger, level, msg, *args, **kwargs)

        return log

    def _set_level(self, original: Any) -> Any:
        def set_level(logger: logging.Logger, level: Any) -> None:
            if self.active:
                if logger is logging.root and self._floor:
                    level = self._floor
                elif self._levels_given:
                    level = self._levels.get(logger.name, level)
            original(logger, level)

        return set_level

    def _handle_error(self, original: Any) -> Any:
        def handle_error(handler: logging.Handler, record: logging.LogRecord) -> None:
            if not self.active:
                original(handler, record)
            elif logging.raiseExceptions:
                kind = type(sys.exc_info()[1]).__name__
                self.engine.report(
                    f"handler:{type(handler).__name__}:{kind}",
                    f"handler {type(handler).__name__} failed with {kind} on a record of logger "
                    f"{record.name!r} ({record.pathname}:{record.lineno})",
                )

        return handle_error

    def _handle_existing(self, original: Any) -> Any:
        def handle_existing(existing: Any, child_loggers: Any, disable_existing: Any) -> None:
            names = [name for name in existing if not logging.getLogger(name).disabled]
            original(existing, child_loggers, disable_existing)
            if not self.active:
                return
            switched_off = [name for name in names if logging.getLogger(name).disabled]
            for name in switched_off:
                logging.getLogger(name).disabled = False
            if switched_off:
                shown = ", ".join(switched_off)
                logging.getLogger("faultmaven.process").warning(
                    "a logging configuration switched off %d existing loggers, they stay on: %s",
                    len(switched_off), shown,
                )

        return handle_existing


@contextmanager
def muted() -> Iterator[None]:
    """Keep records that this thread makes inside from coming back to the engine."""
    thread = threading.get_ident()
    if thread in _muted:
        yield
        return
    _muted.add(thread)
    try:
        yield
    finally:
        _muted.discard(thread)


def _set_aside(record: logging.LogRecord, extra: Any) -> None:
    """Put extras on a record; those whose names it may not take go to one side."""
    try:
        items = list(extra.items())
    except Exception:  # noqa: BLE001 - not a mapping at all
        items = [("extra", extra)]
    aside: dict[str, object] = {}
    attributes = record.__dict__
    for key, value in items:
        if key in attributes or key in {"message", "asctime"}:
            aside[key] = value
        else:
            attributes[key] = value
    if aside:
        attributes[ASIDE] = aside


def _level_number(level: object) -> tuple[int, bool]:
    """Return ``level`` as a number, and whether that is what was meant."""
    if isinstance(level, (bool, int)):
        return int(level), True
    if isinstance(level, float) and abs(level) < _NEVER:
        return round(level), True
    if isinstance(level, str):
        number = logging.getLevelNamesMapping().get(level.upper())
        if number is not None:
            return number, True
    return logging.INFO, False
