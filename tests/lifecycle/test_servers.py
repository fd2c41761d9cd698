"""Servers as people deploy them: nothing lost, nothing doubled, ends as without us."""

from __future__ import annotations

import json
import signal
from typing import TYPE_CHECKING

import pytest

from .rig import BIN, eventually, lay_tap
from .serving import APP, WSGI, assert_delivered, get, serve

if TYPE_CHECKING:
    from otlp_receiver import OtlpReceiver

    from .rig import Bench, Program

ITEMS = [f"/items/{n}" for n in range(20)]
UVICORN = ("uvicorn", "shop:app", "--port", "{port}")
GUNICORN = ("gunicorn", "shop:app", "--bind", "127.0.0.1:{port}")
LOG_CONFIG = {
    "version": 1,
    "disable_existing_loggers": True,
    "formatters": {"access": {
        "()": "uvicorn.logging.AccessFormatter",
        "fmt": '%(levelprefix)s %(client_addr)s - "%(request_line)s" %(status_code)s'}},
    "handlers": {"console": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout"},
                 "access": {"class": "logging.StreamHandler", "formatter": "access"}},
    "loggers": {"uvicorn.access": {"handlers": ["access"], "level": "INFO", "propagate": False}},
    "root": {"handlers": ["console"], "level": "INFO"},
}


@pytest.fixture(autouse=True)
def _shop(bench: Bench, request: pytest.FixtureRequest) -> None:
    bench.write("shop.py", WSGI if "wsgi" in request.keywords else APP)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_uvicorn(bench: Bench, number: signal.Signals) -> None:
    """It re-raises the signal after its stop, so that atexit never runs; the last lines are there."""
    served = serve(bench, *UVICORN, requests=[*ITEMS, "/boom", "/items/99"], number=number)
    said = [line["message"] for line in served.of("shop")]
    assert said == ["opening", *[f"item {n}" for n in range(20)], "item 99", "closing"]
    assert served.program.stderr == ""
    assert served.program.prose == []
    access = [line for line in served.of("uvicorn.access") if "/items/" in line["message"]]
    inside = {line["trace_id"]: line["correlation_id"] for line in served.of("shop")[1:-1]}
    assert len(access) == len(inside) == 21
    assert {line["trace_id"]: line["correlation_id"] for line in access} == inside
    errors = [line for line in served.lines if line.get("error", {}).get("type") == "RuntimeError"]
    assert [line.get("error", {}).get("repeat") for line in errors].count(None) == 1


@pytest.mark.parametrize("words", [
    UVICORN, (*UVICORN, "--workers", "2"), (*GUNICORN, "-k", "uvicorn_worker.UvicornWorker", "-w", "2"),
], ids=["uvicorn", "uvicorn workers", "gunicorn"])
def test_calls_that_make_no_record(bench: Bench, words: tuple[str, ...]) -> None:
    """The lane without a LogRecord loses and doubles nothing either, and knows where it was."""
    served = serve(bench, *words, requests=[*ITEMS, "/boom", "/items/99"], TAP_AT="call")
    said = served.of("shop")
    assert len([line for line in said if line["message"].startswith("item ")]) == 21
    assert served.program.prose == []


def test_uvicorn_without_contribs_spans(bench: Bench) -> None:
    """FastAPI speaks through the Logs API then; the failure is still one counted error."""
    served = serve(bench, *UVICORN, requests=["/items/1", "/items/odd", "/boom"],
                   OTEL_PYTHON_DISABLED_INSTRUMENTATIONS="fastapi,asgi")
    assert [line["event"] for line in served.of("fastapi")] == [
        "fastapi.validation.failed", "http.server.request.exception"]
    errors = [line for line in served.lines if line.get("error", {}).get("type") == "RuntimeError"]
    assert len(errors) >= 2
    assert [line["error"].get("repeat") for line in errors].count(None) == 1
    assert all("trace_id" in line for line in served.of("fastapi"))
    assert served.program.stderr == ""


@pytest.mark.slow
def test_uvicorn_with_four_workers(bench: Bench) -> None:
    """Each worker is a process of its own with an identity of its own."""
    def all_open(program: Program, _: int) -> None:
        eventually(
            lambda: [line["message"] for line in program.lines].count("opening") == 4,
            "four workers",
        )

    served = serve(bench, *UVICORN, "--workers", "4", requests=ITEMS * 3, meanwhile=all_open)
    assert len(served.of("shop")) == 4 + 60 + 4
    assert len({line["pid"] for line in served.of("shop")}) == 4
    assert served.program.stderr == ""


@pytest.mark.slow
def test_uvicorn_with_reload(bench: Bench) -> None:
    """The reloader spawns the server anew; neither generation loses a line."""
    def change(program: Program, port: int) -> None:
        bench.write("shop.py", APP.replace('"opening"', '"opening again"'))
        program.says("opening again")
        eventually(lambda: get(port, "/items/77") == 200, "the new generation")

    served = serve(bench, *UVICORN, "--reload", requests=ITEMS, meanwhile=change)
    said = [line["message"] for line in served.of("shop")]
    assert said.count("closing") == 2
    assert said.count("item 77") == 1
    assert served.program.stderr == ""


def test_uvicorn_with_a_log_config_that_disables(bench: Bench) -> None:
    """Handlers and levels of the file are in force; what it only forgot to name speaks on."""
    bench.write("logging.json", json.dumps(LOG_CONFIG))
    served = serve(bench, *UVICORN, "--log-config", "logging.json", requests=ITEMS)
    assert len(served.of("shop")) == 22
    assert len([line for line in served.of("uvicorn.access") if "/items/" in line["message"]]) == 20
    assert served.program.prose == []


@pytest.mark.wsgi
@pytest.mark.parametrize("options", [
    ["-w", "2"], ["-w", "4", "--preload"], ["-w", "2", "--max-requests", "5"],
    ["-w", "2", "--access-logfile", "-"], ["--threads", "4"],
], ids=" ".join)
def test_gunicorn(bench: Bench, options: list[str]) -> None:
    """Master and forked workers; the import's own record once per process that imports."""
    served = serve(bench, *GUNICORN, *options, requests=[*ITEMS, "/boom"])
    said = [line["message"] for line in served.of("shop")]
    expected = [f"{word} {n}" for word in ("item", "flask") for n in range(20)]
    assert sorted(m for m in said if m != "imported") == sorted([*expected, "Exception on /boom [GET]"])
    assert len(served.of("gunicorn.error")) > 4
    assert (served.program.stderr, served.program.prose) == ("", [])
    if "--preload" in options:
        assert said.count("imported") == 1


@pytest.mark.slow
def test_gunicorn_with_uvicorn_workers(bench: Bench) -> None:
    """The worker class replaces handlers of uvicorn's loggers by gunicorn's."""
    served = serve(bench, *GUNICORN, "-w", "2", "-k", "uvicorn_worker.UvicornWorker", requests=ITEMS)
    assert len(served.of("shop")) == 2 + 20 + 2
    assert served.program.stderr == ""


@pytest.mark.wsgi
def test_flask_development_server(bench: Bench) -> None:
    """werkzeug logs its requests and its banner."""
    served = serve(bench, "flask", "--app", "shop", "run", "--port", "{port}",
                   requests=[*ITEMS, "/boom"])
    assert len([line for line in served.of("werkzeug") if "/items/" in line["message"]]) == 20
    assert served.program.stderr == ""


DJANGO = '''
import logging, sys
from django.conf import settings
from django.http import HttpResponse
from django.urls import path

log = logging.getLogger("shop")
settings.configure(DEBUG=True, ROOT_URLCONF=__name__, SECRET_KEY="x", ALLOWED_HOSTS=["*"])

def home(request):
    return HttpResponse("")

def item(request, n):
    log.info("item %d", n, extra={"request": request})
    return HttpResponse("")

def boom(request):
    raise RuntimeError("boom")

urlpatterns = [path("", home), path("items/<int:n>", item), path("boom", boom)]

if __name__ == "__main__":
    from django.core.management import execute_from_command_line
    execute_from_command_line(sys.argv)
'''


@pytest.mark.slow
def test_django_development_server(bench: Bench) -> None:
    """django.server's request lines, and a request object as an extra."""
    bench.write("manage.py", DJANGO)
    served = serve(bench, "python", "manage.py", "runserver", "--noreload", "127.0.0.1:{port}",
                   requests=[*ITEMS, "/boom", "/nowhere"])
    assert len([line for line in served.of("django.server") if "/items/" in line["message"]]) == 20
    assert [line["message"] for line in served.of("shop")] == [f"item {n}" for n in range(20)]
    assert "Traceback" not in served.program.stderr


@pytest.mark.slow
def test_datasette(bench: Bench) -> None:
    """A program that brings its own uvicorn."""
    served = serve(bench, "datasette", "serve", "--memory", "--port", "{port}",
                   requests=["/_memory", "/nothing"])
    assert served.of("uvicorn.error")
    assert served.program.stderr == ""


TASKS = '''
import logging, os
from celery import Celery
from celery.utils.log import get_task_logger

app = Celery("tasks", broker="filesystem://")
app.conf.broker_transport_options = {
    "data_folder_in": "broker", "data_folder_out": "broker", "control_folder": "broker"}
app.conf.worker_hijack_root_logger = os.environ["HIJACK"] == "yes"
log, task_log = logging.getLogger("shop"), get_task_logger(__name__)

@app.task
def work(n):
    log.warning("plain %d", n)
    task_log.info("task %d", n)
    print(f"printed {n}")

@app.task
def fail():
    raise RuntimeError("boom")
'''
SEND = "import tasks\nfor n in range(10): tasks.work.delay(n)\ntasks.fail.delay()\n"


def working(bench: Bench, env: dict[str, str]) -> Program:
    """Return a Celery worker that has run all its tasks."""
    bench.write("tasks.py", TASKS)
    (bench.directory / "broker").mkdir()
    program = bench.start(
        [str(BIN / "celery"), "-A", "tasks", "worker", "-c", "2", "-l", "info", "--without-gossip",
         "--without-mingle"], env=env)
    sender = bench.script(SEND, env=env, name="send.py", launched=False)
    assert sender.end() == 0, sender.stderr
    program.says("boom")
    for n in range(10):
        program.says(f"printed {n}")
        program.says(f"task {n}")
    return program


@pytest.mark.slow
@pytest.mark.parametrize(("hijack", "number"), [
    ("yes", signal.SIGTERM), ("no", signal.SIGTERM), ("no", signal.SIGQUIT),
])
def test_celery_prefork(bench: Bench, hijack: str, number: signal.Signals) -> None:
    """Pool children leave by ``os._exit``; celery takes over root handlers and stdout."""
    program = working(bench, {**lay_tap(bench.directory), "HIJACK": hijack})
    program.signal(number)
    assert program.end() == 0
    assert_delivered(bench, program)
    assert sorted(program.messages("shop")) == [f"plain {n}" for n in range(10)]
    assert sorted(program.messages("tasks")) == [f"task {n}" for n in range(10)]
    assert sorted(m for m in program.messages("celery.redirected")) == [
        f"printed {n}" for n in range(10)]
    # The worker, and a child of its pool; on a busy machine one child may do all the work.
    assert len({line["pid"] for line in program.lines}) >= 2


@pytest.mark.slow
def test_celery_children_send_before_they_leave(bench: Bench, receiver: OtlpReceiver) -> None:
    """Their last records and spans are out although no schedule was due before ``os._exit``."""
    program = working(bench, {
        "HIJACK": "yes", "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint,
        "OTEL_BLRP_SCHEDULE_DELAY": "60000", "OTEL_BSP_SCHEDULE_DELAY": "60000",
    })
    program.signal(signal.SIGTERM)
    assert program.end() == 0
    written = sorted(line["record_id"] for line in program.lines)
    assert sorted(record["record_id"] for record in receiver.records) == written
    assert "/v1/traces" in {request.signal for request in receiver.requests}
