"""Settings: every value has a source, a bad one never stops the program."""

from __future__ import annotations

import logging
import re
from pathlib import Path

import pytest

from fm_otel.settings import Settings, table


def read(environ: dict[str, str], **overrides: object) -> tuple[Settings, list[str]]:
    lines: list[str] = []
    return Settings.from_environ(environ, lines.append, **overrides), lines


def test_defaults_need_no_environment() -> None:
    """An empty environment gives the documented defaults."""
    settings, lines = read({})
    assert lines == []
    assert (settings.service, settings.environment, settings.version) == (
        "faultmaven-api", "development", "1.0.0",
    )
    assert settings.level == logging.INFO
    assert not settings.level_explicit
    assert not settings.wants_otlp
    assert {source for _, _, source in settings.describe()} == {"default"}


@pytest.mark.parametrize(("variable", "value", "used"), [
    ("LOG_LEVEL", "LOUD", "INFO"),
    ("LOG_FORMAT", "xml", "auto"),
    ("LOG_SAMPLE_RATE", "nan", "1.0"),
    ("LOG_SAMPLE_RATE", "1.5", "1.0"),
    ("LOG_ENABLE_AUDIT", "maybe", "true"),
    ("FM_OTEL_QUEUE_RECORDS", "0", "20000"),
    ("FM_OTEL_QUEUE_BYTES", "lots", "33554432"),
    ("FM_OTEL_EXIT_TIMEOUT_MS", "-1", "2000"),
    ("FM_OTEL_LEVELS", "httpx", "httpx=INFO,httpcore=WARNING"),
    ("FM_OTEL_OVERFLOW", "explode", "assist"),
])
def test_bad_value_names_variable_value_and_replacement(
    variable: str, value: str, used: str,
) -> None:
    """One line tells what was wrong and what is used instead."""
    settings, lines = read({variable: value})
    (line,) = lines
    assert variable in line
    assert repr(value) in line
    assert line.endswith(f"using {used}")
    assert (variable, used, "default") in settings.describe()


def test_argument_beats_otel_beats_plain_variables() -> None:
    """Precedence is the documented one, and each value knows where it came from."""
    environ = {
        "OTEL_RESOURCE_ATTRIBUTES": "service.name=r,service.version=2,deployment.environment.name=p",
        "OTEL_SERVICE_NAME": "named", "APP_VERSION": "1", "ENVIRONMENT": "e",
    }
    settings, _ = read(environ, environment="argued")
    assert (settings.service, settings.version, settings.environment) == ("named", "2", "argued")
    assert settings.sources["service"] == "OTEL_SERVICE_NAME"
    assert settings.sources["version"] == "OTEL_RESOURCE_ATTRIBUTES"
    assert settings.sources["environment"] == "argument"


def test_percent_format_is_read_as_text() -> None:
    """LOG_FORMAT of another stack is tolerated."""
    settings, lines = read({"LOG_FORMAT": "%(asctime)s %(message)s"})
    assert settings.format == "text"
    assert lines == []


def test_secret_is_masked_where_settings_are_shown() -> None:
    """The pseudonym key is never printed, not even when it is refused."""
    settings, _ = read({"FM_OTEL_PSEUDONYM_KEY": "s3cr3t-key-value"})
    assert "s3cr3t" not in str(settings.describe())


def test_sizes_take_units() -> None:
    """A queue bound may be spelled for people."""
    assert read({"FM_OTEL_QUEUE_BYTES": "32 MiB"})[0].queue_bytes == 32 << 20
    assert read({"FM_OTEL_QUEUE_BYTES": "1000"})[0].queue_bytes == 1000


def test_unknown_override_is_refused() -> None:
    """A misspelled argument is a TypeError, as anywhere in Python."""
    with pytest.raises(TypeError, match="servce"):
        read({}, servce="x")


def test_otlp_needs_an_endpoint_or_a_name() -> None:
    """No endpoint, no network; the SDK switch and OTEL_LOGS_EXPORTER=none are obeyed."""
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"}
    assert read(endpoint)[0].wants_otlp
    assert read({"OTEL_LOGS_EXPORTER": "otlp"})[0].wants_otlp
    assert not read({**endpoint, "OTEL_LOGS_EXPORTER": "none"})[0].wants_otlp
    assert not read({**endpoint, "OTEL_LOGS_EXPORTER": "console"})[0].wants_otlp
    assert not read({**endpoint, "OTEL_SDK_DISABLED": "true"})[0].wants_otlp


@pytest.mark.parametrize(("name", "protocol"), [
    ("otlp", None), ("otlp_proto_grpc", "grpc"), ("otlp_proto_http", "http/protobuf"),
])
def test_upstreams_names_of_the_exporter_are_known(name: str, protocol: str | None) -> None:
    """A program that named its exporter for opentelemetry-distro keeps sending."""
    settings, lines = read({"OTEL_LOGS_EXPORTER": name})
    assert settings.wants_otlp
    assert settings.environ.get("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL") == protocol
    assert lines == []


def test_unknown_exporter_is_told_and_does_not_silence_the_log() -> None:
    """A misspelled name must not look like a quiet program."""
    settings, lines = read({"OTEL_LOGS_EXPORTER": "otpl",
                            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost:4318"})
    assert settings.wants_otlp
    assert lines == ["OTEL_LOGS_EXPORTER='otpl' is not valid (expected otlp console none), "
                     "using the default"]


def test_every_setting_has_variable_values_and_meaning() -> None:
    """The table that README shows is complete."""
    for item in table().values():
        assert item.metadata["variable"]
        assert item.metadata["about"]


def test_every_variable_has_a_test_beside_this_one() -> None:
    """A new row of README's table needs a test of what a user sees of it."""
    here = Path(__file__)
    sources = [path.read_text() for path in here.parent.rglob("test_*.py") if path != here]
    words = {word for source in sources for word in re.findall(r"[A-Z][A-Z_]+", source)}
    variables = {item.metadata["variable"] for item in table().values()}
    assert variables - words == set()
