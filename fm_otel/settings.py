"""Settings: the environment, read once, validated, with the source of every value.

This is the only module that reads environment variables. A bad value never stops the program:
it is reported in one line that names variable, value and what is used instead. Precedence:
argument, ``OTEL_*``, ``FM_OTEL_*``, ``LOG_*`` / ``ENVIRONMENT`` / ``APP_VERSION``, default.
"""

from __future__ import annotations

import logging
import math
import os
import re
import sys
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_FALSE: Final = frozenset({"false", "0", "no", "off"})
_UNITS: Final = {"": 1, "b": 1, "k": 1 << 10, "kib": 1 << 10, "kb": 1000,
                 "m": 1 << 20, "mib": 1 << 20, "mb": 10**6, "g": 1 << 30, "gib": 1 << 30}
_LEVEL_NAMES: Final = {
    "DEBUG": logging.DEBUG, "INFO": logging.INFO, "WARNING": logging.WARNING,
    "WARN": logging.WARNING, "ERROR": logging.ERROR, "CRITICAL": logging.CRITICAL,
    "FATAL": logging.CRITICAL,
}


def _text(value: str) -> str:
    return value


def _boolean(value: str) -> bool:
    word = value.lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    msg = "true or false"
    raise ValueError(msg)


def _level(value: str) -> int:
    levelno = _LEVEL_NAMES.get(value.upper())
    if levelno is None:
        msg = "DEBUG, INFO, WARNING, ERROR or CRITICAL"
        raise ValueError(msg)
    return levelno


def _rate(value: str) -> float:
    rate = float(value)
    if not 0 <= rate <= 1:
        msg = "a number from 0 to 1"
        raise ValueError(msg)
    return rate


def _at_least(low: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        number = int(value)
        if number < low:
            msg = f"a whole number of at least {low}"
            raise ValueError(msg)
        return number

    return parse


def _milliseconds(value: str) -> float:
    """Return seconds."""
    milliseconds = float(value)
    if not 0 <= milliseconds < math.inf:
        msg = "milliseconds, 0 or more"
        raise ValueError(msg)
    return milliseconds / 1000


def _size(value: str) -> int:
    """Return bytes of ``33554432``, ``32 MiB``, ``32m``."""
    match = re.fullmatch(r"(\d+)\s*([a-zA-Z]*)", value)
    unit = _UNITS.get(match[2].lower()) if match else None
    if match is None or unit is None or int(match[1]) == 0:
        msg = "a size in bytes, or with KiB, MiB, GiB"
        raise ValueError(msg)
    return int(match[1]) * unit


def _one_of(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        word = value.lower()
        if word not in words:
            msg = " or ".join(words)
            raise ValueError(msg)
        return word

    return parse


def _format(value: str) -> str:
    """Tolerate what other stacks put here: ``console``, a %-format string."""
    if "%(" in value or value.lower() == "console":
        return "text"
    return _one_of("auto", "json", "text")(value)


def _names(value: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in value.split(",") if name.strip())


_OTLP_EXPORTERS: Final = {
    "otlp": None, "otlp_proto_http": "http/protobuf", "otlp_proto_grpc": "grpc",
}
"""Upstream's names of the OTLP log exporter, with the protocol that each stands for."""


def _exporters(value: str) -> tuple[str, ...]:
    names = _names(value)
    if not {*_OTLP_EXPORTERS, "console", "none"}.issuperset(names):
        msg = "otlp, console or none"
        raise ValueError(msg)
    return names


def _levels(value: str) -> tuple[tuple[str, int], ...]:
    pairs = []
    for item in _names(value):
        name, sign, level = item.partition("=")
        if not sign:
            msg = "logger=LEVEL pairs with commas between"
            raise ValueError(msg)
        pairs.append((name.strip(), _level(level.strip())))
    return tuple(pairs)


def _setting(
    variable: str,
    parse: Callable[[str], T],
    default: T,
    values: str,
    about: str,
    *,
    secret: bool = False,
) -> T:
    metadata = {
        "variable": variable, "parse": parse, "values": values, "about": about, "secret": secret,
    }
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True)
class Settings:
    """Every setting, validated. Times are seconds, sizes bytes, levels stdlib numbers."""

    service: str = _setting(
        "OTEL_SERVICE_NAME", _text, "faultmaven-api", "", "field `service`")
    environment: str = _setting(
        "ENVIRONMENT", _text, "development", "",
        "field `environment`, `deployment.environment.name`")
    version: str = _setting("APP_VERSION", _text, "1.0.0", "", "field `version`")
    level: int = _setting(
        "LOG_LEVEL", _level, logging.INFO, "DEBUG INFO WARNING ERROR CRITICAL",
        "root level; set in the environment it beats the application's own")
    format: str = _setting(
        "LOG_FORMAT", _format, "auto", "auto json text", "auto: text on a terminal, else JSON")
    file: str | None = _setting(
        "LOG_FILE", _text, None, "path", "JSON lines to a file too; processes may share it")
    sample_rate: float = _setting(
        "LOG_SAMPLE_RATE", _rate, 1.0, "0..1", "share of records below WARNING that is kept")
    enable_tracing: bool = _setting(
        "LOG_ENABLE_TRACING", _boolean, True, "true false",
        "trace and span ids on records, spans from LogContext")
    enable_metrics: bool = _setting(
        "LOG_ENABLE_METRICS", _boolean, True, "true false",
        "performance fields on records and export of self-metrics")
    enable_audit: bool = _setting(
        "LOG_ENABLE_AUDIT", _boolean, True, "true false", "audit channel")
    console: str = _setting(
        "FM_OTEL_CONSOLE", _one_of("own", "tee", "off"), "own", "own tee off",
        "own: other console handlers are muted; tee: they stay; off: no console")
    console_stream: str = _setting(
        "FM_OTEL_CONSOLE_STREAM", _one_of("stdout", "stderr"), "stdout", "stdout stderr",
        "stream of the console")
    write_through: int = _setting(
        "FM_OTEL_WRITE_THROUGH", _level, logging.WARNING, "level name",
        "from this level up a record is in the kernel before the call returns")
    flush_interval: float = _setting(
        "FM_OTEL_FLUSH_INTERVAL_MS", _milliseconds, 0.2, "milliseconds",
        "bound for records below the write-through level")
    queue_records: int = _setting(
        "FM_OTEL_QUEUE_RECORDS", _at_least(1), 20_000, "count", "queue bound in records")
    queue_bytes: int = _setting(
        "FM_OTEL_QUEUE_BYTES", _size, 32 << 20, "size", "queue bound in bytes")
    overflow: str = _setting(
        "FM_OTEL_OVERFLOW", _one_of("assist", "drop", "block"), "assist", "assist drop block",
        "a full queue: the caller helps, or the new record is dropped, or it waits")
    spool_dir: str | None = _setting(
        "FM_OTEL_SPOOL_DIR", _text, None, "path off",
        "refused records are kept in its `quarantine/`; off: nowhere; "
        "unset: `$XDG_STATE_HOME/fm_otel`, else `~/.local/state/fm_otel`")
    spool_max_mb: int = _setting(
        "FM_OTEL_SPOOL_MAX_MB", _at_least(1), 256, "MiB", "size bound of the spool")
    spool_fsync: str = _setting(
        "FM_OTEL_SPOOL_FSYNC", _one_of("off", "interval", "always"), "interval",
        "off interval always", "when the spool is forced to disk")
    exit_timeout: float = _setting(
        "FM_OTEL_EXIT_TIMEOUT_MS", _milliseconds, 2.0, "milliseconds",
        "longest time an exit may wait")
    redact: bool = _setting("FM_OTEL_REDACT", _boolean, True, "on off", "redaction")
    redact_rules: str | None = _setting(
        "FM_OTEL_REDACT_RULES", _text, None, "path", "extra redaction rules (TOML)")
    pseudonym_key: str | None = _setting(
        "FM_OTEL_PSEUDONYM_KEY", _text, None, "secret",
        "when set, `user_id` leaves as a keyed hash", secret=True)
    propagate: tuple[str, ...] = _setting(
        "FM_OTEL_PROPAGATE", _names, ("correlation_id",), "comma list",
        "context fields that cross service borders")
    levels: tuple[tuple[str, int], ...] = _setting(
        "FM_OTEL_LEVELS", _levels, (("httpx", logging.INFO), ("httpcore", logging.WARNING)),
        "logger=LEVEL,...", "per-logger levels")
    auto_exc_info: bool = _setting(
        "FM_OTEL_AUTO_EXC_INFO", _boolean, True, "true false",
        "attach the active exception to ERROR records logged in an except block")
    signals: bool = _setting(
        "FM_OTEL_SIGNALS", _boolean, True, "true false",
        "flush on SIGTERM, SIGINT and SIGHUP, chaining")
    audit_file: str | None = _setting(
        "FM_OTEL_AUDIT_FILE", _text, None, "path", "audit channel's own file")
    quiet_paths: tuple[str, ...] = _setting(
        "FM_OTEL_QUIET_PATHS", _names,
        ("/health", "/healthz", "/livez", "/readyz", "/ready", "/live", "/ping", "/metrics"),
        "comma list", "paths whose request record is written only on failure")
    sdk_disabled: bool = _setting(
        "OTEL_SDK_DISABLED", _boolean, False, "true false",
        "no OTLP; console and file keep working")
    logs_exporter: tuple[str, ...] = _setting(
        "OTEL_LOGS_EXPORTER", _exporters, (), "otlp console none",
        "unset: otlp when an endpoint is set")
    export_delay: float = _setting(
        "OTEL_BLRP_SCHEDULE_DELAY", _milliseconds, 1.0, "milliseconds",
        "longest time a record waits for its OTLP batch")
    export_batch: int = _setting(
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", _at_least(1), 512, "count",
        "log records of one OTLP request at most")
    config_file: str | None = _setting(
        "OTEL_CONFIG_FILE", _text, None, "path", "declarative configuration of the SDK")
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The environment these settings came from, for the OTLP variables of the exporters."""
    sources: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Source of each setting that is not at its default, by field name."""

    @classmethod
    def from_environ(
        cls,
        environ: Mapping[str, str] | None = None,
        report: Callable[[str], None] | None = None,
        **overrides: object,
    ) -> Settings:
        """Read ``environ`` (the process's own when None); ``overrides`` are field names.

        ``report`` gets one line per bad value (stderr when None). Unknown overrides raise
        TypeError, as any wrong keyword does.
        """
        env = os.environ if environ is None else environ
        tell = report or to_stderr
        values: dict[str, Any] = {"environ": dict(env), "sources": {}}
        for item in table().values():
            _read(item, env, values, tell)
        _read_resource_attributes(env, values)
        _read_protocol(values)
        for name, value in overrides.items():
            if name not in table():
                msg = f"configure() got an unexpected setting {name!r}"
                raise TypeError(msg)
            if value is not None:
                _override(table()[name], value, values, tell)
        return cls(**values)

    @property
    def level_explicit(self) -> bool:
        """Whether LOG_LEVEL was given, so that it beats levels the application sets."""
        return "level" in self.sources

    @property
    def wants_otlp(self) -> bool:
        """Whether log records go out by OTLP: an endpoint is set and nothing forbids it."""
        if self.sdk_disabled or (self.logs_exporter and not self.names_otlp):
            return False
        return self.names_otlp or self.has_endpoint("LOGS")

    @property
    def names_otlp(self) -> bool:
        """Whether the OTLP exporter is asked for by name."""
        return any(name in _OTLP_EXPORTERS for name in self.logs_exporter)

    @property
    def state_dir(self) -> str | None:
        """Directory for what outlives the process, None where nothing is to be kept."""
        if self.spool_dir:
            return None if self.spool_dir.lower() == "off" else self.spool_dir
        from pathlib import Path

        base = Path(self.environ.get("XDG_STATE_HOME", ""))
        if not base.is_absolute():
            home = self.environ.get("HOME", "~")
            base = Path(os.path.expanduser(home), ".local", "state")  # noqa: PTH111 - never raises
        # No home of this user, as in containers with an arbitrary user id: nothing is kept.
        return str(base / "fm_otel") if base.is_absolute() else None

    def has_endpoint(self, signal: str) -> bool:
        """Return whether the OTLP exporter of ``signal`` (``LOGS``, ...) has an endpoint."""
        names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal}_ENDPOINT")
        return any(self.environ.get(name, "").strip() for name in names)

    def describe(self) -> list[tuple[str, str, str]]:
        """Return variable, value and source of every setting; secrets are masked."""
        rows = []
        for item in table().values():
            value = getattr(self, item.name)
            shown = "********" if item.metadata["secret"] and value else spelled(item.name, value)
            source = self.sources.get(item.name, "default")
            rows.append((item.metadata["variable"], shown, source))
        return rows


def to_stderr(line: str) -> None:
    """Print one diagnostic line; a closed stderr is no reason to fail."""
    try:
        print(f"fm_otel: {line}", file=sys.stderr, flush=True)  # noqa: T201 - diagnostics
    except Exception:  # noqa: BLE001 - nowhere left to report to
        return


def spelled(name: str, value: object) -> str:
    """Return ``value`` of setting ``name`` the way the environment would spell it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        words = ("off", "on") if name == "redact" else ("false", "true")
        return words[value]
    if name in {"level", "write_through"}:
        return str(logging.getLevelName(value))  # type: ignore[call-overload]  # is an int
    if name in {"flush_interval", "exit_timeout", "export_delay"}:
        return f"{value * 1000:g}"  # type: ignore[operator]  # is a float
    if name == "levels":
        return ",".join(f"{n}={logging.getLevelName(v)}" for n, v in value)  # type: ignore[attr-defined]
    return ",".join(value) if isinstance(value, tuple) else str(value)


@cache
def table() -> dict[str, Any]:
    """Return the dataclass field of every setting by name; its metadata is the README's row."""
    return {item.name: item for item in fields(Settings) if item.metadata}


def _read(
    item: Any,
    env: Mapping[str, str],
    values: dict[str, Any],
    tell: Callable[[str], None],
) -> None:
    variable = item.metadata["variable"]
    raw = env.get(variable, "").strip()
    # An empty variable counts as unset, as the OTel specification says.
    if not raw:
        return
    try:
        values[item.name] = item.metadata["parse"](raw)
    except ValueError as error:
        wanted = item.metadata["values"] or str(error)
        from fm_otel.redaction import find_secrets

        hidden = item.metadata["secret"] or find_secrets(f"{variable}={raw}")
        shown = "********" if hidden else repr(raw[:80])
        tell(f"{variable}={shown} is not valid (expected {wanted}), "
             f"using {spelled(item.name, item.default) or 'the default'}")
    else:
        values["sources"][item.name] = variable


def _override(
    item: Any,
    value: object,
    values: dict[str, Any],
    tell: Callable[[str], None],
) -> None:
    """Take an argument: a value of the setting's own type, or text as the variable has it."""
    if isinstance(value, str):
        _read(item, {item.metadata["variable"]: value}, values, tell)
        if item.name in values:
            values["sources"][item.name] = "argument"
        return
    values[item.name] = tuple(value) if isinstance(value, list) else value
    values["sources"][item.name] = "argument"


_RESOURCE_SETTINGS: Final = {
    "service.name": "service",
    "deployment.environment.name": "environment",
    "service.version": "version",
}


def _read_resource_attributes(env: Mapping[str, str], values: dict[str, Any]) -> None:
    """Let ``OTEL_RESOURCE_ATTRIBUTES`` set service, environment and version.

    It beats the plain variables; ``OTEL_SERVICE_NAME`` beats it, as the specification says.
    """
    for key, value in resource_attributes(env).items():
        name = _RESOURCE_SETTINGS.get(key)
        if name and value and values["sources"].get(name) != "OTEL_SERVICE_NAME":
            values[name] = value
            values["sources"][name] = "OTEL_RESOURCE_ATTRIBUTES"


def _read_protocol(values: dict[str, Any]) -> None:
    """Let the name of an OTLP exporter say the protocol of logs, as it does upstream."""
    for name in values.get("logs_exporter", ()):
        if protocol := _OTLP_EXPORTERS.get(name):
            values["environ"]["OTEL_EXPORTER_OTLP_LOGS_PROTOCOL"] = protocol


def resource_attributes(env: Mapping[str, str]) -> dict[str, str]:
    """Return the key=value pairs of ``OTEL_RESOURCE_ATTRIBUTES``, percent-decoded."""
    pairs = (item.partition("=") for item in env.get("OTEL_RESOURCE_ATTRIBUTES", "").split(","))
    return {key.strip(): unquote(value.strip()) for key, sign, value in pairs if sign}


_active: Settings | None = None


def active() -> Settings:
    """Return the settings in force: those of ``configure()``, else the environment's."""
    global _active  # noqa: PLW0603 - one process has one set of settings
    if _active is None:
        _active = Settings.from_environ()
    return _active


def activate(settings: Settings | None) -> None:
    """Put ``settings`` in force; None makes the next reader ask the environment again."""
    global _active  # noqa: PLW0603 - see active()
    _active = settings
