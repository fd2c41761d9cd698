"""`fm-otel doctor` names what keeps records from arriving, and shows no secrets."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from contextlib import contextmanager
from importlib import metadata
from typing import TYPE_CHECKING

import pytest

from fm_otel.cli import checks, loggers, main
from fm_otel.cli.checks import NOTE, PROBLEM, Finding
from fm_otel.cli.doctor import Report, examine
from tests.otlp_receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    Environ = Mapping[str, str]

US = {"OTEL_PYTHON_DISTRO": "fm_otel", "OTEL_PYTHON_CONFIGURATOR": "fm_otel"}
LOOPBACK = "http://127.0.0.1:9"


def problems(environ: Environ) -> list[str]:
    return [finding.text for finding in examine(environ, module=None, send=False).problems]


def test_a_sound_environment_has_no_problems() -> None:
    """Nothing configured is fine: JSON on the console."""
    assert problems(US) == []


@pytest.mark.parametrize("kind", ["distro", "configurator"])
def test_a_foreign_selection_is_a_problem(kind: str) -> None:
    """A launch that picks another distribution leaves us out."""
    variable = f"OTEL_PYTHON_{kind.upper()}"
    [found] = problems({**US, variable: "other"})
    assert found == (f"the {kind} is none ({variable}=other, which is not installed), not ours: "
                     f"set {variable}=fm_otel, or start with fm-otel run")


def test_another_distro_beside_us_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which of two wins depends on the order of installation, unless it is said."""
    class Entry:
        def __init__(self, name: str) -> None:
            self.name = name

    def both(*, group: str) -> list[Entry]:
        del group
        return [Entry("fm_otel"), Entry("distro")]

    monkeypatch.setattr(metadata, "entry_points", both)
    assert checks.winners({})[0] == checks.Winner(
        "distro", "fm_otel", "first of those installed", ("distro",))
    assert next(checks.launch({})) == Finding(
        NOTE, "also installed as distro: distro; set OTEL_PYTHON_DISTRO=fm_otel so that the "
        "order of installation does not decide")
    assert list(checks.launch(US)) == []


@pytest.mark.parametrize(
    ("environ", "text"),
    [
        ({"FM_OTEL_REDACTION": "on"}, "FM_OTEL_REDACTION is no setting; FM_OTEL_REDACT is meant?"),
        ({"FM_OTEL_REDACT": "off"}, "redaction is off (FM_OTEL_REDACT): secrets leave"),
        ({"OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "true"},
         "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION starts a second bridge beside ours"),
        ({"FASTAPI_OTEL_AUTO_CONFIGURE": "true"},
         "FASTAPI_OTEL_AUTO_CONFIGURE adds a second exporter beside ours"),
        ({"LOG_FILE": f"{__file__}/app.log"},
         f"LOG_FILE: {__file__}/app.log cannot be written"),
        ({"FM_OTEL_REDACT_RULES": "/no/rules.toml"},
         "FM_OTEL_REDACT_RULES: /no/rules.toml cannot be read"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://c:4318",
          "OTEL_EXPORTER_OTLP_CERTIFICATE": "/no/ca.pem"},
         "certificate file /no/ca.pem cannot be read"),
    ],
    ids=lambda value: "" if isinstance(value, str) else " ".join(value),
)
def test_each_trouble_is_a_problem(environ: dict[str, str], text: str) -> None:
    """What would be found out in production is found out here."""
    assert problems({**US, **environ}) == [text]


@pytest.mark.parametrize("variable", ["LOG_SAMPLE_RATE", "OTEL_EXPORTER_OTLP_ENDPOINT"])
def test_bad_values_are_problems(variable: str) -> None:
    """One line names the variable, whoever reads it."""
    found = problems({**US, variable: "::nonsense::"})
    assert len(found) == 1
    assert found[0].startswith(f"{variable}=")


def test_log_file_is_judged_without_being_made(tmp_path: Path) -> None:
    """A look changes nothing; a parent that can be created is good enough."""
    target = tmp_path / "new" / "app.log"
    assert problems({**US, "LOG_FILE": str(target)}) == []
    assert not target.parent.exists()
    assert problems({**US, "LOG_FILE": str(tmp_path)}) == [
        f"LOG_FILE: {tmp_path} cannot be written"]


def test_secrets_are_not_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Keys, header values and passwords in the endpoint appear in neither form of the report."""
    for variable, value in {
        **US,
        "FM_OTEL_PSEUDONYM_KEY": "sekret-key",
        "OTEL_EXPORTER_OTLP_HEADERS": "x-api-key=sekret-header",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:sekret-word@127.0.0.1:9",
    }.items():
        monkeypatch.setenv(variable, value)
    assert main(["doctor"]) == 0
    assert main(["doctor", "--json"]) == 0
    output = capsys.readouterr()
    assert "sekret" not in output.out + output.err
    assert "x-api-key" in output.out


def test_the_proxy_on_the_way_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Which way requests go is told, the proxy's credentials are not."""
    for variable, value in {
        **US,
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://collector.example:4318",
        "http_proxy": "http://user:sekret-word@proxy.example:3128",
    }.items():
        monkeypatch.setenv(variable, value)
    assert main(["doctor"]) == 0
    assert main(["doctor", "--json"]) == 0
    output = capsys.readouterr().out
    assert "proxy proxy.example:3128" in output
    assert '"proxy": "proxy.example:3128"' in output
    assert "sekret" not in output


def test_json_form_holds_everything(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Programs read value and source of every setting."""
    for variable, value in {**US, "LOG_LEVEL": "DEBUG"}.items():
        monkeypatch.setenv(variable, value)
    assert main(["doctor", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert {"variable": "LOG_LEVEL", "value": "DEBUG", "source": "LOG_LEVEL"} in report["settings"]
    assert [winner["name"] for winner in report["winners"]] == ["fm_otel", "fm_otel"]
    assert report["ok"] is True


@pytest.fixture
def tree() -> Iterator[logging.Logger]:
    """Give a logger that is taken out of the tree again."""
    logger = logging.getLogger("doctor_test")
    yield logger
    logger.handlers.clear()
    logger.filters.clear()
    del logging.root.manager.loggerDict["doctor_test"]


def told(name: str, console: str = "own") -> list[Finding]:
    return [finding for finding in loggers.inspect(console) if name in finding.text]


def test_a_disabled_logger_is_a_problem(tree: logging.Logger) -> None:
    """The usual victim of dictConfig's disable_existing_loggers."""
    tree.disabled = True
    assert [finding.weight for finding in told("doctor_test")] == [PROBLEM]


def test_logging_disable_is_a_problem() -> None:
    """Nothing below the level reaches any handler."""
    logging.disable(logging.INFO)
    try:
        assert told("logging.disable(INFO)")
    finally:
        logging.disable(logging.NOTSET)


def test_quiet_loggers_and_filters_are_noted(tree: logging.Logger) -> None:
    """Nothing is wrong with them, but somebody will miss those records."""
    tree.setLevel(logging.ERROR)
    tree.addFilter(lambda _: True)
    assert told("doctor_test") == [
        Finding(NOTE, "logger doctor_test lets only ERROR and above through"),
        Finding(NOTE, "logger doctor_test has filters, which may refuse records"),
    ]


def test_a_second_bridge_is_a_problem(tree: logging.Logger) -> None:
    """Upstream's handler beside our hook would send every record twice."""
    from opentelemetry.instrumentation.logging.handler import LoggingHandler

    tree.addHandler(LoggingHandler())
    assert [finding.weight for finding in told("doctor_test")] == [PROBLEM]


@pytest.mark.parametrize(("console", "count"), [("own", 0), ("tee", 1)])
def test_other_handlers_are_noted_when_they_write(
    tree: logging.Logger, console: str, count: int
) -> None:
    """With tee they get untouched records."""
    tree.addHandler(logging.StreamHandler())
    assert len(told("doctor_test", console)) == count


def test_file_handlers_are_noted(tree: logging.Logger, tmp_path: Path) -> None:
    """They stay, and they are not redacted."""
    handler = logging.FileHandler(tmp_path / "x.log")
    tree.addHandler(handler)
    assert len(told("doctor_test")) == 1
    handler.close()


@contextmanager
def receiver(mode: str = "ok", protocol: str = "http") -> Iterator[tuple[OtlpReceiver, Environ]]:
    with OtlpReceiver() as started:
        started.behave(mode)
        endpoint = started.http_endpoint if protocol == "http" else started.grpc_endpoint
        yield started, {
            **US,
            "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc" if protocol == "grpc" else "http/protobuf",
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=demo",
        }


def sent(environ: Environ) -> Report:
    return examine(environ, module=None, send=True)


@pytest.mark.parametrize("protocol", ["http", "grpc"])
def test_send_delivers_one_marked_record(protocol: str) -> None:
    """The record can be looked for in the store by its mark."""
    with receiver(protocol=protocol) as (started, environ):
        report = sent(environ)
        [record] = started.wait_for(1)
        [request] = started.wait_for_requests(1)
    assert report.probe is not None
    assert (report.probe.delivered, report.probe.answer) == (True, "accepted")
    assert report.probe.latency_ms > 0
    assert request.headers["x-tenant"] == "demo"
    assert record["body"] == f"Test record of fm-otel doctor: {report.probe.mark}"
    assert record["resource"]["service.name"] == "faultmaven-api"
    assert report.problems == []


@pytest.mark.parametrize(
    ("mode", "answer"), [("401", "401"), ("503", "503"), ("partial", "rejected the record")]
)
def test_send_reports_what_the_receiver_said(mode: str, answer: str) -> None:
    """A refusal is a problem with the receiver's own words."""
    with receiver(mode) as (_, environ):
        report = sent(environ)
    assert report.probe is not None
    assert not report.probe.delivered
    assert answer in report.probe.answer
    assert any("did not take the test record" in problem.text for problem in report.problems)


def test_send_to_nobody_is_a_problem() -> None:
    """Connection refused is an answer too."""
    report = sent({**US, "OTEL_EXPORTER_OTLP_ENDPOINT": LOOPBACK})
    assert report.probe is not None
    assert not report.probe.delivered
    assert len(report.problems) == 1


def test_send_without_endpoint_says_so() -> None:
    """Nothing was sent, so nothing is fine."""
    assert [finding.text for finding in sent(US).problems] == [
        "nothing sent: no OTLP endpoint is set (OTEL_EXPORTER_OTLP_ENDPOINT)"]


def test_the_program_is_imported_and_its_loggers_are_judged(tmp_path: Path) -> None:
    """From the folder it runs in; what it prints does not spoil the JSON."""
    (tmp_path / "shop.py").write_text(
        "import logging, logging.config\n"
        "logging.getLogger('early')\n"
        "logging.config.dictConfig({'version': 1})\n"
        "print('hello')\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "fm_otel.cli", "doctor", "--import", "shop", "--json"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )
    assert done.returncode == 1
    [found] = [f for f in json.loads(done.stdout)["findings"] if "early" in f["text"]]
    assert found == {
        "weight": PROBLEM,
        "text": ("logger early is disabled: its records reach nobody "
                 "(disable_existing_loggers of a dictConfig?)"),
    }
    assert "hello" in done.stderr


def test_a_program_that_cannot_be_imported_is_a_problem() -> None:
    """The kind is named, its text, which may hold anything, is not; nothing stays changed."""
    before = dict(os.environ), list(sys.path)
    report = examine(US, module="no_such_module_x", send=False)
    assert (dict(os.environ), sys.path) == before
    assert [finding.text for finding in report.problems] == [
        "no_such_module_x cannot be imported: ModuleNotFoundError"]
