"""Handlers and threads of other people's programs: they do what they did, and only that."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .rig import Bench

# Two ways to write; absl's handler swaps its stream for another standard one in between.
OWN_EMIT = {
    "stdlib's emit": "super().emit(record)",
    "its stream": "self.stream.write(self.format(record) + self.terminator); self.flush()",
    "another standard stream": """
        self.stream, before = sys.stdout, self.stream
        super().emit(record)
        self.stream = before""",
}
MORE_THAN_WRITING = """
import logging, os, sys

class Deed(logging.StreamHandler):
    def emit(self, record):
        {write}
        with open("deeds", "a") as deeds: deeds.write(record.getMessage() + "\\n")
        if record.levelno >= logging.CRITICAL: os._exit(7)

class Once(logging.Filter):
    asked = []
    def filter(self, record):
        self.asked.append(record.msg)
        return self.asked.count(record.msg) == 1

handler = Deed()
handler.addFilter(Once())
logging.basicConfig(level=logging.INFO, handlers=[handler])
log = logging.getLogger("app")
log.info("one"); log.error("two"); log.debug("unsaid"); log.info("one")
log.critical("end")
print("not reached")
"""


@pytest.mark.parametrize("write", OWN_EMIT.values(), ids=OWN_EMIT)
def test_a_console_handler_that_does_more_than_write_does_it(bench: Bench, write: str) -> None:
    """Only its lines are ours; its filter is asked once, and it may end the process."""
    program = bench.run(MORE_THAN_WRITING.format(write=write))
    assert program.process.returncode == 7
    assert (bench.directory / "deeds").read_text() == "one\ntwo\nend\n"
    assert program.messages() == ["one", "two", "end"]
    assert program.prose == []
    assert program.stderr == ""


def test_a_patched_stream_handler_keeps_its_patch(bench: Bench) -> None:
    """The old recipe for colours replaces ``StreamHandler.emit``, before or after the launch."""
    program = bench.run("""
import logging
def coloured(emit):
    def new(handler, record):
        record.seen_by = "patch"
        return emit(handler, record)
    return new
class Tell(logging.Handler):
    def emit(self, record): open("told", "a").write(record.seen_by + "\\n")
logging.basicConfig(level=logging.INFO)
logging.info("early")
logging.StreamHandler.emit = coloured(logging.StreamHandler.emit)
logging.root.addHandler(Tell())
logging.info("late")
""")
    assert program.messages() == ["early", "late"]
    assert (bench.directory / "told").read_text() == "patch\n"
    assert program.prose == []
    assert program.stderr == ""


def test_filters_of_a_listeners_console_count_for_records_of_other_processes(bench: Bench) -> None:
    """A record that was made elsewhere is shown where one console handler shows it, once."""
    program = bench.run("""
import logging, logging.handlers, queue, sys
calm = logging.StreamHandler(sys.stdout); calm.addFilter(lambda r: r.levelno < logging.ERROR)
loud = logging.StreamHandler(); loud.addFilter(lambda r: r.levelno >= logging.ERROR)
for handler in (calm, loud): handler.addFilter(lambda r: "secret" not in r.msg)
records = queue.Queue()
listener = logging.handlers.QueueListener(records, calm, loud)
listener.start()
for level, text in ((20, "calm"), (40, "loud"), (40, "secret")):
    records.put(logging.makeLogRecord({"name": "far", "levelno": level, "levelname": "X", "msg": text}))
listener.stop()
""")
    assert program.messages() == ["calm", "loud"]
    assert program.prose == []
    assert program.stderr == ""


def test_a_record_held_back_and_handed_in_again_is_one(bench: Bench) -> None:
    """Sphinx and others keep records in a handler of their own and replay them to the logger."""
    program = bench.run("""
import logging
class Held(logging.Handler):
    def __init__(self): super().__init__(); self.records = []
    def emit(self, record): self.records.append(record)
held, log = Held(), logging.getLogger("app")
log.addHandler(held); log.propagate = False
log.warning("one"); log.error("two")
log.removeHandler(held); log.propagate = True
log.addHandler(logging.FileHandler("own.log"))
for record in held.records: log.handle(record)
""")
    assert program.messages() == ["one", "two"]
    assert (bench.directory / "own.log").read_text() == "one\ntwo\n"
    assert program.stderr == ""


def test_the_caller_is_found_through_our_frames(bench: Bench) -> None:
    """loguru's documented handler walks out of ``logging`` by file name: it arrives at the app."""
    program = bench.run("""
import inspect, logging, sys
from loguru import logger

class Intercept(logging.Handler):
    def emit(self, record):
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame = frame.f_back
            depth += 1
        logger.opt(depth=depth, exception=record.exc_info).log(record.levelname, record.getMessage())

logger.remove()
logger.add(sys.stderr, format="{module}:{function} {message}")
logging.basicConfig(handlers=[Intercept()], level=0)
def speak():
    logging.getLogger("app").info("hello")
speak()
""")
    assert program.stderr == "program:speak hello\n"
    assert program.messages() == ["hello"]


def test_threads_older_than_a_monkey_patch_end_in_silence(bench: Bench) -> None:
    """gevent gives the table of threads other keys: those that run by then do not find theirs."""
    program = bench.run("""
import logging, threading
go = threading.Event()
old = [threading.Thread(target=go.wait) for _ in range(2)]
for thread in old: thread.start()
for thread in old: threading._active[object()] = threading._active.pop(thread.ident)
go.set()
for thread in old: thread.join()
logging.warning("done")
""")
    assert program.messages() == ["done"]
    assert [line["logger"] for line in program.lines if "error" in line] == []
    assert program.stderr == ""
    assert program.process.returncode == 0


def test_nothing_runs_beside_a_program_that_has_not_logged(bench: Bench) -> None:
    """gevent patches a program in the middle of an import only while it has a single thread."""
    program = bench.run("import threading\nprint(threading.active_count())")
    assert program.prose == ["1"]
    assert program.lines == []


def test_a_late_processor_is_closed_where_no_thread_starts_any_more(bench: Bench) -> None:
    """Python 3.12 refuses threads at exit: who is to be closed is closed nevertheless, at once."""
    program = bench.run("""
import threading, time
from opentelemetry import trace
from opentelemetry.sdk.trace import SpanProcessor
class Late(SpanProcessor):
    def shutdown(self): print("closed")
trace.get_tracer_provider().add_span_processor(Late())
def refuse(self): raise RuntimeError("can't create new thread at interpreter shutdown")
threading.Thread.start = refuse
import atexit
begun = time.monotonic()
atexit._run_exitfuncs()
print("quick" if time.monotonic() - begun < 1 else "slow")
""")
    assert program.prose == ["closed", "quick"]
    assert program.stderr == ""


UNCAUGHT = """
import logging, threading, warnings
logging.basicConfig(level=logging.INFO, filename="own.log")
logging.info("said")
warnings.warn("careful")
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
raise RuntimeError("boom")
"""


def test_what_nobody_logged_is_not_in_the_programs_own_files(bench: Bench) -> None:
    """Warnings and uncaught exceptions were not there before; they are lines of ours."""
    program = bench.run(UNCAUGHT)
    assert (bench.directory / "own.log").read_text() == "INFO:root:said\n"
    told = [(line["logger"], line["level"]) for line in program.lines]
    assert told[1:-1] == [
        ("root", "INFO"), ("py.warnings", "WARNING"), ("faultmaven.exception", "ERROR"),
        ("faultmaven.exception", "CRITICAL"),
    ]
    [warned] = [line for line in program.lines if line["logger"] == "py.warnings"]
    assert (warned["module"], warned["line"]) == ("program", 5)
    assert program.stderr == ""
    assert program.process.returncode == 1


def test_what_is_not_recorded_is_printed_as_before(bench: Bench) -> None:
    """A level above them leaves warnings and threads to the interpreter."""
    program = bench.run(UNCAUGHT, env={"LOG_LEVEL": "CRITICAL"})
    assert [line["level"] for line in program.lines if "process" not in line["logger"]] == ["CRITICAL"]
    assert "UserWarning: careful" in program.stderr
    assert "ZeroDivisionError" in program.stderr
    assert "boom" not in program.stderr


def test_warnings_the_program_captures_reach_its_handlers(bench: Bench) -> None:
    """``captureWarnings`` is the program's word: its file has them, our line is one."""
    for when in ("", "import fm_otel; fm_otel.configure()"):
        program = bench.run(f"""
import logging, warnings
logging.captureWarnings(True)
{when}
logging.basicConfig(level=logging.INFO, filename="own.log", filemode="w", format="%(name)s")
warnings.warn("careful")
""", launched=not when)
        assert (bench.directory / "own.log").read_text() == "py.warnings\n"
        assert [line["logger"] for line in program.lines].count("py.warnings") == 1
        assert program.stderr == ""


def test_sentry_still_knows_what_was_not_handled(bench: Bench) -> None:
    """Its rates of crashes count uncaught exceptions by how it learned of them."""
    program = bench.run("""
import sentry_sdk
def told(event, hint):
    [value] = event["exception"]["values"]
    print(event.get("logger"), value["type"], value["mechanism"]["type"], value["mechanism"]["handled"])
sentry_sdk.init("http://k@127.0.0.1:9/1", before_send=told, shutdown_timeout=0)
raise RuntimeError("boom")
""")
    assert program.prose == ["None RuntimeError excepthook False"]
    assert [line["message"] for line in program.lines if "error" in line] == ["uncaught RuntimeError"]


GREEN = """
from gevent import monkey
monkey.patch_all()
import logging, gevent
log = logging.getLogger("app")
def speak(k):
    for n in range(200):
        log.info("%d %d %s", k, n, "x" * 300)
        if n % 20 == 0: gevent.sleep(0)
gevent.joinall([gevent.spawn(speak, k) for k in range(4)])
log.warning("end")
"""


def test_a_program_that_patches_itself_in_an_import(bench: Bench) -> None:
    """As locust does: the import ends, and greenlets that share a thread lose and mix nothing."""
    bench.write("green.py", GREEN)
    program = bench.run("import green")
    said = program.messages("app")
    for k in range(4):
        assert [m.split()[:2] for m in said if m.startswith(f"{k} ")] == [
            [str(k), str(n)] for n in range(200)]
    assert said[-1] == "end"
    assert program.lines[-1]["event"] == "faultmaven.process.stop"
    assert program.prose == []
    assert program.process.returncode == 0
