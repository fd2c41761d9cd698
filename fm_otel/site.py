"""Call sites: what every record of one logging statement has in common.

A site is made when its statement first logs and found again by logger, level, file and line.
Encoders keep the bytes they made for it in ``json`` and ``otlp``.
"""

from __future__ import annotations

import logging
import sys
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from fm_otel.redaction.normalise import clean_text
from fm_otel.values import text_of

if TYPE_CHECKING:
    from types import CodeType, FrameType

    from fm_otel.shape import Plan

MAX_SITES: Final = 8192
"""Sites kept before the table starts afresh: ``exec`` and reloads would grow it for ever."""

_FLOORS: Final = (
    (logging.CRITICAL, "CRITICAL"),
    (logging.ERROR, "ERROR"),
    (logging.WARNING, "WARNING"),
    (logging.INFO, "INFO"),
)
_SHORT: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class Site:
    """One logging statement: logger, severity and place in the code.

    ``level`` is the JSON level; ``severity_number`` and ``severity_text`` follow the OTel logs
    data model. ``module``, ``function`` and ``line`` are None for records without a call site
    (OTel Logs API). ``file_path`` is project-relative, ``qualified_function`` ends in
    ``function``, ``scope`` is name and version of the instrumentation scope.
    """

    __slots__ = (
        "file_path",
        "function",
        "json",
        "level",
        "levelno",
        "line",
        "logger",
        "module",
        "otlp",
        "plans",
        "qualified_function",
        "scope",
        "severity_number",
        "severity_text",
    )

    def __init__(
        self,
        logger: str,
        levelno: int,
        level_name: str,
        *,
        file_path: str | None = None,
        function: str | None = None,
        qualified_function: str | None = None,
        line: int | None = None,
        scope_version: str | None = None,
    ) -> None:
        logger, level_name = clean(logger), clean(level_name)
        levelno = _number(levelno)
        file_path, function = file_path and clean(file_path), function and clean(function)
        qualified_function = qualified_function and clean(qualified_function)
        self.logger = logger
        self.levelno = levelno
        self.level = level_floor(levelno)
        self.severity_number = severity_number(levelno)
        self.severity_text = _SHORT.get(level_name, level_name)
        self.module = PurePath(file_path).stem if file_path else None
        self.file_path = file_path
        self.function = function
        self.qualified_function = qualified_function or function
        self.line = line
        self.scope = (logger, scope_version)
        self.plans: dict[tuple[str, ...], Plan] = {}
        self.json: tuple[bytes, bytes] | None = None
        self.otlp: tuple[bytes, bytes] | None = None


def clean(text: object) -> str:
    """Return a name of a logger, level, file or function as sinks can take it."""
    return clean_text(text if type(text) is str else text_of(text, []))


def _number(value: object) -> int:
    """Return a level as a number, whatever a library put in its place."""
    try:
        return int(value)  # type: ignore[call-overload,no-any-return]  # anything but a number raises
    except Exception:  # noqa: BLE001 - as it says
        return logging.INFO


def level_floor(levelno: int) -> str:
    """Return the highest of the five level names at or below ``levelno``; DEBUG under them."""
    for floor, name in _FLOORS:
        if levelno >= floor:
            return name
    return "DEBUG"


def severity_number(levelno: int) -> int:
    """Map a stdlib level to the OTel severity number: four numbers within each level's ten.

    Levels below DEBUG become TRACE, levels above CRITICAL the last FATAL.
    """
    if levelno < logging.DEBUG:
        return 1
    step = min(levelno, 53)
    return 5 + 4 * (step // 10 - 1) + min(step % 10, 3)


class SiteTable:
    """The sites of a process, found by what a ``LogRecord`` says about its call."""

    def __init__(self) -> None:
        self._sites: dict[tuple[int, int, str, str], Site] = {}
        self._calls: dict[tuple[int, int, int, str], tuple[Site, CodeType]] = {}

    def of(self, record: logging.LogRecord) -> Site:
        """Return the site of ``record``."""
        key = (record.lineno, record.levelno, record.name, record.pathname)
        try:
            site = self._sites.get(key)
        except Exception:  # noqa: BLE001 - a name or level that cannot be hashed
            return self._site(record)
        return site if site is not None else self._add(key, record)

    def at(self, frame: FrameType, logger: str, levelno: int) -> Site:
        """Return the site of the call that ``frame`` is making now.

        The place in the code object names the statement without decoding its line number, which
        costs more than the rest of the lookup. The code object is kept, so its id stays its own.
        """
        code = frame.f_code
        key = (id(code), frame.f_lasti, levelno, logger)
        known = self._calls.get(key)
        if known is not None:
            return known[0]
        if len(self._calls) >= MAX_SITES:
            self._calls.clear()
        module = frame.f_globals.get("__name__")
        name = getattr(code, "co_qualname", code.co_name)
        site = Site(
            logger, levelno, logging.getLevelName(levelno),
            file_path=project_path(code.co_filename), function=code.co_name,
            qualified_function=f"{module}.{name}" if isinstance(module, str) else name,
            line=_line(frame.f_lineno),
        )
        self._calls[key] = (site, code)
        return site

    def _add(self, key: tuple[int, int, str, str], record: logging.LogRecord) -> Site:
        if len(self._sites) >= MAX_SITES:
            self._sites.clear()
        site = self._sites[key] = self._site(record)
        return site

    def _site(self, record: logging.LogRecord) -> Site:
        function = record.funcName or None
        return Site(
            record.name,
            record.levelno,
            record.levelname,
            file_path=project_path(str(record.pathname)),
            function=function,
            qualified_function=_qualified(record.pathname, function),
            line=_line(record.lineno),
        )


def _line(value: object) -> int | None:
    return value if type(value) is int and 0 <= value < 1 << 31 else None


def project_path(path: str) -> str:
    """Return ``path`` relative to the package root or import path it was found under.

    Absolute paths tell user names and machine layout, and differ between hosts; what follows
    the entry of ``sys.path`` is the same everywhere.
    """
    best = ""
    # Nothing, while the interpreter takes itself down; programs also put paths there.
    for entry in sys.path or ():
        root = str(entry).rstrip("/\\")
        if root and len(root) > len(best) and path.startswith((root + "/", root + "\\")):
            best = root
    if best:
        return path[len(best) + 1 :]
    parts = PurePath(path).parts
    return "/".join(parts[-2:]) if PurePath(path).is_absolute() else path


def _qualified(pathname: str, function: str | None) -> str | None:
    """Return module and qualified name of the function now logging, as ``code.function.name``."""
    if function is None:
        return None
    frame = _frame_of(pathname, function)
    if frame is None:
        return function
    module = frame.f_globals.get("__name__")
    name = getattr(frame.f_code, "co_qualname", function)
    return f"{module}.{name}" if isinstance(module, str) else name


def _frame_of(pathname: str, function: str) -> FrameType | None:
    frame: FrameType | None = sys._getframe(4)  # noqa: SLF001 - as stdlib's findCaller
    while frame is not None:
        code = frame.f_code
        if code.co_name == function and code.co_filename == pathname:
            return frame
        frame = frame.f_back
    return None
