"""Whatever a program does to ``logging`` at run time: nothing lost, nothing doubled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .rig import Bench, Program

# Names bound before the launch would have a chance to replace them: sitecustomize comes first,
# so the early ones are taken by a module that configures by hand.
HEAD = """
import logging, logging.config, logging.handlers, sys
from logging.config import dictConfig, fileConfig
from logging import basicConfig, getLogger, shutdown
sys.path.insert(0, ".")
import fm_otel
fm_otel.configure()
log = logging.getLogger("app.part")
quiet = logging.getLogger("lib")
log.info("one before"); quiet.info("lib before")
"""
TAIL = """
log.info("one after"); log.warning("two after"); quiet.info("lib after")
logging.getLogger("new").info("new after")
"""
EXPECTED = ["one before", "lib before", "one after", "two after", "lib after", "new after"]

INI = """[loggers]
keys=root
[handlers]
keys=h
[formatters]
keys=f
[logger_root]
level=INFO
handlers=h
[handler_h]
class=StreamHandler
formatter=f
args=(sys.stdout,)
[formatter_f]
format=%(message)s
"""

CHANGES = {
    "dictConfig": """
logging.config.dictConfig({"version": 1, "root": {"level": "INFO", "handlers": ["h"]},
    "handlers": {"h": {"class": "logging.StreamHandler"}}})""",
    "dictConfig by an early name": """
dictConfig({"version": 1, "root": {"level": "INFO"}, "disable_existing_loggers": True})""",
    "dictConfigClass": """
logging.config.dictConfigClass({"version": 1, "root": {"level": "INFO"}}).configure()""",
    "dictConfig, incremental": """
dictConfig({"version": 1, "incremental": True, "root": {"level": "INFO"}})""",
    "fileConfig": """
open("log.ini", "w").write(INI); logging.config.fileConfig("log.ini")""",
    "fileConfig by an early name": """
open("log.ini", "w").write(INI); fileConfig("log.ini", disable_existing_loggers=True)""",
    "basicConfig(force)": """
logging.basicConfig(force=True, level=logging.INFO, format="%(message)s")""",
    "basicConfig by an early name": """
basicConfig(force=True, level=logging.INFO, stream=sys.stdout)""",
    "handlers.clear": """
logging.basicConfig(); logging.getLogger().handlers.clear()""",
    "handlers = []": """
logging.getLogger().handlers = [logging.NullHandler()]""",
    "removeHandler loop": """
logging.basicConfig()
for name in [None, "app", "app.part", "lib"]:
    for handler in list(logging.getLogger(name).handlers):
        logging.getLogger(name).removeHandler(handler)""",
    "propagate = False": """
logging.getLogger("app").propagate = False; quiet.propagate = False""",
    "logging.shutdown": """
logging.basicConfig(); logging.shutdown()""",
    "logging.shutdown by an early name": """
shutdown()""",
    "setLogRecordFactory": """
class Mine(logging.LogRecord):
    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs); self.mine = 1
logging.setLogRecordFactory(Mine)""",
    "setLoggerClass": """
class Own(logging.Logger):
    def __init__(self, name, level=0):
        super().__init__(name, level); self.propagate = False
logging.setLoggerClass(Own)""",
    "QueueHandler": """
import queue
records = queue.Queue()
listener = logging.handlers.QueueListener(records, logging.StreamHandler(), logging.FileHandler("q.log"))
logging.getLogger().handlers = [logging.handlers.QueueHandler(records)]
listener.start()
import atexit; atexit.register(listener.stop)""",
    "MemoryHandler": """
memory = logging.handlers.MemoryHandler(100, target=logging.StreamHandler(sys.stdout))
logging.getLogger().addHandler(memory)""",
    "logging.disable and back": """
logging.disable(logging.CRITICAL); log.error("unsaid"); logging.disable(logging.NOTSET)""",
    "captureWarnings": """
logging.captureWarnings(True)""",
    "sentry": """
import sentry_sdk
sentry_sdk.init(transport=lambda event: None)""",
    "logger class and level of our own root": """
logging.root.setLevel(logging.INFO)
with logging._lock: pass""",
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_loses_and_doubles_nothing(bench: Bench, change: str) -> None:
    """Also through names imported before us; every line on stdout is ours."""
    program = bench.run(f"INI = {INI!r}\n{HEAD}\n{CHANGES[change]}\n{TAIL}", launched=False)
    assert program.messages() == EXPECTED
    assert program.prose == []
    assert program.stderr == ""
    assert program.process.returncode == 0


def test_loggers_switched_off_as_a_side_effect_speak_on(bench: Bench) -> None:
    """One warning names them; a logger that somebody switched off by hand stays off."""
    program = bench.run(HEAD + """
logging.getLogger("off").disabled = True
dictConfig({"version": 1, "root": {"level": "INFO"}})
logging.getLogger("off").error("not said")
""" + TAIL, launched=False)
    assert program.messages() == EXPECTED
    [warned] = [line for line in program.lines if line["level"] == "WARNING"
                and line["logger"] == "faultmaven.process"]
    assert "app.part" in warned["message"]
    assert "lib" in warned["message"]
    assert "off," not in warned["message"]


def test_other_handlers_get_their_record_unchanged(bench: Bench) -> None:
    """A file handler formats what the program said; nothing was added to the record."""
    program = bench.run(HEAD + """
class Keep(logging.Handler):
    def emit(self, record):
        with open("kept", "a") as file:
            file.write(f"{sorted(record.__dict__)} {record.msg!r} {record.args!r}\\\\n")
logging.getLogger().addHandler(logging.FileHandler("plain.log"))
logging.getLogger().addHandler(Keep())
try:
    1 / 0
except ZeroDivisionError:
    log.error("said %s to %r", "this", [1])
""".replace("\\\\n", "\\n"), launched=False)
    assert (bench.directory / "plain.log").read_text() == "said this to [1]\n"
    keys, rest = (bench.directory / "kept").read_text().split("] ", 1)
    assert rest.strip() == "'said %s to %r' ('this', [1])"
    assert not [key for key in keys if "fm_" in key]
    assert "exc_info" in keys
    [line] = [line for line in program.lines if line["level"] == "ERROR"]
    assert line["error"]["type"] == "ZeroDivisionError"


def test_levels_and_filters_of_silent_console_handlers_still_decide(bench: Bench) -> None:
    """What the program kept off its console is kept off ours; the file gets everything."""
    program = bench.run(HEAD + """
handler = logging.StreamHandler()
handler.setLevel(logging.WARNING)
handler.addFilter(lambda record: "secret" not in record.msg)
logging.getLogger().addHandler(handler)
log.info("too low"); log.warning("a secret"); log.warning("shown")
""", env={"LOG_FILE": "all.log"}, launched=False)
    assert program.messages() == ["one before", "lib before", "shown"]
    file = [json.loads(line)["message"] for line in
            (bench.directory / "all.log").read_text().splitlines()]
    assert [m for m in file if "process" not in m] == [
        "one before", "lib before", "too low", "a secret", "shown"]


@pytest.mark.parametrize(("mode", "ours", "theirs"), [
    ("own", True, False), ("tee", True, True), ("off", False, True),
])
def test_console_modes(bench: Bench, mode: str, ours: bool, theirs: bool) -> None:
    """own silences other console handlers, tee and off leave them."""
    program = bench.run(HEAD.replace("log.info", "#") + """
logging.basicConfig(format="plain %(message)s", level=20)
log.info("hello")
""", env={"FM_OTEL_CONSOLE": mode}, launched=False)
    assert program.messages("app.part") == (["hello"] if ours else [])
    assert program.stderr == ("plain hello\n" if theirs else "")


def test_stderr_can_be_the_console(bench: Bench) -> None:
    """FM_OTEL_CONSOLE_STREAM=stderr leaves stdout to the program."""
    program = bench.run(HEAD + "print('data')", env={"FM_OTEL_CONSOLE_STREAM": "stderr"},
                        launched=False)
    assert program.stdout == "data\n"
    assert [json.loads(line)["message"] for line in program.err][1:3] == ["one before", "lib before"]


@pytest.mark.parametrize(("level", "expected"), [
    ("", ["debug", "info", "warning"]), ("WARNING", ["warning"]), ("INFO", ["info", "warning"]),
])
def test_a_level_of_the_environment_beats_the_programs_own(
    bench: Bench, level: str, expected: list[str],
) -> None:
    """LOG_LEVEL set wins over ``setLevel`` and basicConfig; its default yields to them."""
    program = bench.run("""
import logging
logging.basicConfig(level=logging.DEBUG, force=True)
logging.getLogger().setLevel(logging.DEBUG)
log = logging.getLogger("app")
log.debug("debug"); log.info("info"); log.warning("warning")
""", env={"LOG_LEVEL": level})
    assert program.messages("app") == expected


def test_a_program_that_never_configures_logging_gets_its_info(bench: Bench) -> None:
    """The default level is INFO, not the root logger's WARNING."""
    program = bench.run("""
import logging
log = logging.getLogger("app")
log.debug("debug"); log.info("info")
""")
    assert program.messages("app") == ["info"]


def test_levels_of_single_loggers(bench: Bench) -> None:
    """FM_OTEL_LEVELS wins for its loggers, in both directions, also over later setLevel calls."""
    program = bench.run("""
import logging
logging.getLogger("loud").setLevel(logging.DEBUG)
for name in ["loud", "loud.part", "quiet", "other"]:
    logging.getLogger(name).debug("debug %s", name)
    logging.getLogger(name).info("info %s", name)
    logging.getLogger(name).error("error %s", name)
""", env={"FM_OTEL_LEVELS": "loud=ERROR,quiet=DEBUG", "LOG_LEVEL": "INFO"})
    assert program.messages() == [
        "error loud", "error loud.part", "debug quiet", "info quiet", "error quiet",
        "info other", "error other"]


def test_noisy_clients_are_quiet_by_default(bench: Bench) -> None:
    """httpcore below WARNING is off unless somebody asks for it."""
    program = bench.run("""
import logging
logging.basicConfig(level=logging.DEBUG)
logging.getLogger("httpcore.http11").debug("bytes"); logging.getLogger("httpx").info("GET /")
logging.getLogger("httpcore").warning("odd")
""")
    assert program.messages() == ["GET /", "odd"]


def test_our_own_machinery_is_never_captured(bench: Bench) -> None:
    """fm_otel.* and opentelemetry.* speak on stderr, once per kind, in one line."""
    program = bench.run(HEAD + """
for n in range(5):
    logging.getLogger("opentelemetry.sdk").warning("trouble\\nsecond line")
logging.getLogger("fm_otel.x").info("nothing")
""", launched=False)
    assert program.messages() == ["one before", "lib before"]
    assert program.stderr == "fm_otel: opentelemetry.sdk: trouble\n"


def test_a_handler_that_fails_is_reported_without_the_record(bench: Bench) -> None:
    """stdlib prints message and arguments to stderr, secrets and all; here one line is enough."""
    program = bench.run(HEAD + """
class Broken(logging.Handler):
    def emit(self, record):
        try:
            raise OSError("disk")
        except OSError:
            self.handleError(record)
logging.getLogger().addHandler(Broken())
for n in range(3):
    log.info("password=hunter2-%d", n)
""", launched=False)
    assert len(program.messages()) == 5
    [told] = program.stderr.splitlines()
    assert "Broken failed with OSError" in told
    assert "hunter2" not in program.stderr + program.stdout


@pytest.mark.parametrize("order", ["before", "after"])
def test_sentry_in_either_order(bench: Bench, order: str) -> None:
    """Both patch ``Logger.callHandlers``; both see each record once."""
    init = """
import sentry_sdk
from sentry_sdk.transport import Transport
class Kept(Transport):
    def capture_envelope(self, envelope):
        event = envelope.get_event()
        if event: open("events", "a").write(event["logentry"]["message"] + "\\n")
sentry_sdk.init(dsn="http://a@127.0.0.1:9/1", transport=Kept, default_integrations=True)
"""
    configure = "import fm_otel\nfm_otel.configure()\n"
    source = init + configure if order == "before" else configure + init
    program = bench.run("import logging\n" + source + """
logging.getLogger("app").info("crumb"); logging.getLogger("app").error("event %d", 1)
fm_otel.configure().shutdown()
logging.getLogger("app").error("event %d", 2)
""", launched=False)
    assert program.messages("app") == ["crumb", "event 1"]
    assert (bench.directory / "events").read_text().splitlines() == ["event %d", "event %d"]


def test_shutdown_gives_everything_back(bench: Bench) -> None:
    """Afterwards ``logging``, signals and hooks are what they were."""
    program = bench.run("""
import logging, logging.config, logging.handlers, os, signal, sys, threading
names = [(logging.Logger, "callHandlers"), (logging.Logger, "makeRecord"), (logging.Logger, "log"),
    (logging.Logger, "setLevel"), (logging.Handler, "handle"), (logging.Handler, "handleError"),
    (logging.handlers.QueueHandler, "prepare"), (logging.config, "_handle_existing_loggers"),
    (sys, "excepthook"), (threading, "excepthook"), (sys, "unraisablehook"),
    (os, "_exit"), (os, "execv"), (os, "execve"), (os, "abort"), (signal, "signal")]
def now():
    return [getattr(*name) for name in names] + [signal.getsignal(signal.SIGTERM)]
before = now()
import fm_otel
handle = fm_otel.configure()
assert now() != before
handle.shutdown()
changed = [name for name, old, new in zip(names + ["SIGTERM"], before, now()) if old is not new]
assert not changed, changed
logging.basicConfig(format="%(message)s"); logging.getLogger("app").warning("plain again")
""", launched=False)
    assert (program.process.returncode, program.stderr) == (0, "plain again\n")
    assert program.stdout == ""


def test_caplog_sees_records_unchanged(bench: Bench) -> None:
    """pytest's own handlers hang on the root logger like any other."""
    bench.write("test_it.py", """
import logging
def test_it(caplog):
    logging.getLogger("app").warning("said %d", 1)
    [record] = caplog.records
    assert (record.msg, record.args, caplog.text.count("said 1")) == ("said %d", (1,), 1)
def test_fixture(fm_logs, caplog):
    logging.getLogger("app").warning("said %d", 2)
    assert [r["message"] for r in fm_logs.records if r["logger"] == "app"] == ["said 2"]
    assert caplog.messages == ["said 2"]
""")
    import sys  # noqa: PLC0415 - only this test starts pytest

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_it.py"]
    program = bench.start(command, env={"OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "fastapi,flask,celery"})
    assert program.end() == 0, program.stdout


def test_what_is_said_at_any_moment_survives_a_concurrent_change(bench: Bench) -> None:
    """Threads log while another reconfigures in a loop: no record lost, no deadlock."""
    program: Program = bench.run(HEAD + """
import threading, faulthandler
faulthandler.dump_traceback_later(40, exit=True)
def talk(k):
    for n in range(2000):
        logging.getLogger(f"t{k}").info("%d", n)
threads = [threading.Thread(target=talk, args=(k,)) for k in range(3)]
[t.start() for t in threads]
while any(t.is_alive() for t in threads):
    dictConfig({"version": 1, "root": {"level": "INFO", "handlers": ["h"]},
        "handlers": {"h": {"class": "logging.StreamHandler"}}, "disable_existing_loggers": False})
    logging.basicConfig(force=True, level=20)
    logging.shutdown()
""", launched=False)
    assert program.process.returncode == 0, program.stderr
    for thread in range(3):
        assert program.messages(f"t{thread}") == [str(n) for n in range(2000)]
