"""However a process ends, what it logged is on its console and in its file."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .rig import BIN, parsed

if TYPE_CHECKING:
    from otlp_receiver import OtlpReceiver

    from .rig import Bench, Program

HEAD = """
import logging, os, signal, sys, threading, time
log = logging.getLogger("app")
"""
BURST = """
for n in range(200):
    log.info("record %d", n)
"""
NUMBERS = [f"record {n}" for n in range(200)]


def in_file(bench: Bench, name: str = "app.log") -> list[dict[str, Any]]:
    return parsed((bench.directory / name).read_text().splitlines())


def written(bench: Bench, program: Program) -> list[str]:
    """Return the numbered messages on the console, having seen that the file has the same."""
    file = [line["message"] for line in in_file(bench) if line["logger"] == "app"]
    assert file == program.messages("app")
    return file


ENDS = {
    "end of main": ("", 0),
    "sys.exit": ("sys.exit(3)", 3),
    "uncaught exception": ("raise ValueError('boom')", 1),
    "uncaught SystemExit text": ("raise SystemExit('bye')", 1),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", -signal.SIGINT),
    "SIGTERM": ("os.kill(os.getpid(), signal.SIGTERM)", -signal.SIGTERM),
    "SIGHUP": ("os.kill(os.getpid(), signal.SIGHUP)", -signal.SIGHUP),
    "SIGINT": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(30)", -signal.SIGINT),
    "os._exit": ("os._exit(7)", 7),
    "os._exit in a thread": ("threading.Thread(target=os._exit, args=(6,)).start(); time.sleep(30)", 6),
    "sys.exit in a thread": ("threading.Thread(target=sys.exit, args=(6,)).start()", 0),
    "sys.exit in a handler": (
        "signal.signal(signal.SIGTERM, lambda *_: sys.exit(5)); os.kill(os.getpid(), signal.SIGTERM)", 5),
    "os.abort": ("os.abort()", -signal.SIGABRT),
    "os.execv": ("os.execv(sys.executable, [sys.executable, '-S', '-c', 'raise SystemExit(9)'])", 9),
    "os.execvpe": ("os.execvp('sh', ['sh', '-c', 'exit 8'])", 8),
}


@pytest.mark.parametrize("how", ENDS)
def test_an_end_loses_nothing_and_keeps_its_status(bench: Bench, how: str) -> None:
    """Everything below write-through logged a moment before the end is there."""
    last, code = ENDS[how]
    program = bench.run(HEAD + BURST + last, env={"LOG_FILE": "app.log"})
    assert written(bench, program) == NUMBERS
    assert program.process.returncode == code


@pytest.mark.parametrize("how", [
    "end of main", "SIGTERM", "SIGHUP", "sys.exit", "uncaught exception", "os._exit", "os.execv", "os.execvpe",
])
def test_an_answering_collector_gets_everything(
    bench: Bench, receiver: OtlpReceiver, how: str,
) -> None:
    """The exit sends what the schedule had not sent yet."""
    last, code = ENDS[how]
    env = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint}
    program = bench.run(HEAD + BURST + last, env=env)
    assert program.process.returncode == code
    sent = [record["body"] for record in receiver.records if record["logger"] == "app"]
    assert sent == NUMBERS
    assert len({record["record_id"] for record in receiver.records}) == len(receiver.records)


@pytest.mark.parametrize("launch", [["fm-otel", "run", "--"], ["opentelemetry-instrument"]])
def test_both_launchers_start_the_program_with_everything(bench: Bench, launch: list[str]) -> None:
    """The two documented commands do the same."""
    path = bench.write("program.py", HEAD + BURST + "sys.exit(4)")
    command = [str(BIN / launch[0]), *launch[1:], sys.executable, str(path)]
    program = bench.start(command)
    assert program.end() == 4
    assert program.messages() == NUMBERS
    assert program.stderr == ""


def test_an_uncaught_exception_is_one_record_and_no_second_traceback(bench: Bench) -> None:
    """Our console wrote it, so the interpreter need not print it again."""
    program = bench.run(HEAD + "raise ValueError('boom')")
    [line] = [line for line in program.lines if line["logger"] == "faultmaven.exception"]
    assert (line["level"], line["error"]["type"], line["error"]["message"]) == (
        "CRITICAL", "ValueError", "boom")
    assert "program.py" in line["error"]["stack_trace"]
    assert program.stderr == ""


def test_without_a_console_of_ours_the_interpreter_prints(bench: Bench) -> None:
    """With FM_OTEL_CONSOLE=off the traceback has no other place to appear."""
    program = bench.run(HEAD + "raise ValueError('boom')", env={"FM_OTEL_CONSOLE": "off"})
    assert program.stdout == ""
    assert program.stderr.count("ValueError: boom") == 1
    assert program.process.returncode == 1


def test_the_programs_own_excepthook_is_called(bench: Bench) -> None:
    """A hook installed before or after us still runs, and the record is made in both."""
    source = HEAD + """
def mine(kind, error, tb):
    print("mine", error, file=sys.stderr)
sys.excepthook = mine
raise ValueError("boom")
"""
    program = bench.run(source)
    assert program.stderr == "mine boom\n"
    assert program.process.returncode == 1


def test_an_exception_of_a_thread_is_one_record(bench: Bench) -> None:
    """threading's own printing is replaced by a record of level ERROR."""
    program = bench.run(HEAD + """
def fail():
    raise KeyError("gone")
thread = threading.Thread(target=fail, name="worker-7")
thread.start(); thread.join()
""")
    [line] = [line for line in program.lines if line["logger"] == "faultmaven.exception"]
    assert (line["level"], line["error"]["type"]) == ("ERROR", "KeyError")
    assert "worker-7" in line["message"]
    assert (program.stderr, program.process.returncode) == ("", 0)


@pytest.mark.parametrize("threshold", ["WARNING", "DEBUG"])
def test_sigkill_takes_at_most_the_last_interval(bench: Bench, threshold: str) -> None:
    """Records from write-through up are in the kernel before their call returns."""
    program = bench.script(HEAD + """
for n in range(50):
    log.info("old %d", n)
time.sleep(1.2)
for n in range(50):
    log.info("new %d", n)
    log.warning("loud %d", n)
log.info("last")
os.kill(os.getpid(), signal.SIGKILL)
""", env={"LOG_FILE": "app.log", "FM_OTEL_WRITE_THROUGH": threshold})
    assert program.end() == -signal.SIGKILL
    found = written(bench, program)
    assert found[:50] == [f"old {n}" for n in range(50)]
    assert [m for m in found if m.startswith("loud")] == [f"loud {n}" for n in range(50)]
    # What stood before a written one was written with it; only the very last may be missing.
    assert [m for m in found if m.startswith("new")] == [f"new {n}" for n in range(50)]
    if threshold == "DEBUG":
        assert found[-1] == "last"


def test_a_hard_exit_sends_spans_too(bench: Bench, receiver: OtlpReceiver) -> None:
    """Pool children of many kinds end by ``os._exit``, a moment after their last span."""
    program = bench.run(HEAD + """
from opentelemetry import trace
with trace.get_tracer("app").start_as_current_span("last"):
    log.info("inside")
os._exit(3)
""", env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint})
    assert (program.process.returncode, program.stderr) == (3, "")
    assert {request.signal for request in receiver.requests} >= {"/v1/logs", "/v1/traces"}


def test_an_exec_that_fails_changes_nothing(bench: Bench, receiver: OtlpReceiver) -> None:
    """A search along the path calls it once for each directory; the program goes on."""
    receiver.behave("hang")
    program = bench.run(HEAD + """
log.info("before")
began = time.monotonic()
try:
    os.execvp("no-such-program", ["no-such-program"])
except FileNotFoundError:
    log.info("waited %.3f", time.monotonic() - began)
log.info("after")
os._exit(0)
""", env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint,
          "PATH": ":".join(f"/nowhere/{n}" for n in range(40))})
    before, waited, after = program.messages("app")
    assert (before, after) == ("before", "after")
    assert float(waited.split()[1]) < 1.5, "once, not for each of forty directories"


def test_a_fork_child_tells_its_own_story_once(bench: Bench) -> None:
    """Parent records come once, child records come with the child's pid and ids of their own."""
    program = bench.run(HEAD + """
log.info("before the fork")
children = []
for n in range(3):
    pid = os.fork()
    if not pid:
        log.info("child %d", n)
        sys.exit(n) if n else os._exit(n)
    children.append(pid)
log.info("codes %s", [os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) for pid in children])
""", env={"LOG_FILE": "app.log"})
    found = program.messages("app")
    assert sorted(line["message"] for line in in_file(bench) if line["logger"] == "app") == sorted(found)
    assert sorted(found) == ["before the fork", "child 0", "child 1", "child 2", "codes [0, 1, 2]"]
    by_message = {line["message"]: line for line in program.lines if line["logger"] == "app"}
    children = [by_message[f"child {n}"] for n in range(3)]
    assert len({line["pid"] for line in (*children, by_message["before the fork"])}) == 4
    assert len({line["record_id"] for line in program.lines}) == len(program.lines)
    assert {line["seq"] for line in children} == {2}, "behind the child's own start record"


def test_a_fork_child_speaks_for_itself_by_otlp(bench: Bench, receiver: OtlpReceiver) -> None:
    """Its records name its own process, and the span it ended last is sent before it leaves."""
    program = bench.run(HEAD + """
from opentelemetry import trace
log.info("parent")
pid = os.fork()
if not pid:
    with trace.get_tracer("child").start_as_current_span("last"):
        log.info("child")
    sys.exit()
os.waitpid(pid, 0)
""", env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint})
    pids = {line["record_id"]: line["pid"] for line in program.lines}
    assert {r["record_id"]: r["resource"]["process.pid"] for r in receiver.records} == pids
    assert len(set(pids.values())) == 2
    assert [request.signal for request in receiver.requests].count("/v1/traces") == 1


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing_children_lose_nothing(bench: Bench, method: str) -> None:
    """They leave by ``os._exit``; a failing one becomes a record; statuses stay."""
    program = bench.run(HEAD + """
import multiprocessing
def work(n):
    for k in range(100):
        logging.getLogger("app").info("child %d record %d", n, k)
    if n == 1:
        raise LookupError("child failed")
    if n == 2:
        sys.exit(5)
if __name__ == "__main__":
    context = multiprocessing.get_context(sys.argv[1])
    processes = [context.Process(target=work, args=(n,)) for n in range(3)]
    [p.start() for p in processes]; [p.join() for p in processes]
    log.info("codes %s", [p.exitcode for p in processes])
""", method, env={"LOG_FILE": "app.log"})
    found = program.messages("app")
    assert sorted(found) == sorted(
        [f"child {n} record {k}" for n in range(3) for k in range(100)] + ["codes [0, 1, 5]"])
    assert sorted(line["message"] for line in in_file(bench) if line["logger"] == "app") == sorted(found)
    [failed] = [line for line in program.lines if line["logger"] == "faultmaven.exception"]
    assert (failed["error"]["type"], failed["level"]) == ("LookupError", "ERROR")
    stops = [line for line in program.lines if line.get("event") == "faultmaven.process.stop"]
    assert len(stops) == 4


def test_a_process_pool_loses_nothing(bench: Bench) -> None:
    """concurrent.futures' workers are multiprocessing children."""
    program = bench.run(HEAD + """
from concurrent.futures import ProcessPoolExecutor
def work(n):
    log.info("task %d", n)
if __name__ == "__main__":
    with ProcessPoolExecutor(2) as pool:
        list(pool.map(work, range(40)))
""")
    assert sorted(program.messages("app")) == sorted(f"task {n}" for n in range(40))
    assert program.stderr == ""


EARLY = """
import atexit, logging, threading
log = logging.getLogger("app")
atexit.register(lambda: log.info("after our end"))
import fm_otel
fm_otel.configure()
atexit.register(lambda: log.info("before our end"))
"""


def test_records_after_our_end_are_written_by_their_caller(bench: Bench) -> None:
    """atexit handlers of before us and finalisers may log when everything was shut down."""
    program = bench.run(EARLY + """
class Late:
    def __del__(self, log=log):
        log.info("from a finaliser")
late = Late()
""", env={"LOG_FILE": "app.log"}, launched=False)
    assert written(bench, program) == ["before our end", "after our end", "from a finaliser"]
    assert (program.process.returncode, program.stderr) == (0, "")


def test_a_daemon_thread_that_logs_to_the_end_is_heard_to_the_end(bench: Bench) -> None:
    """The interpreter freezes it anywhere; what it said before has no gap, the end no hang."""
    program = bench.run(EARLY + """
def tick():
    n = 0
    while True:
        logging.getLogger("tick").info("%d", n)
        n += 1
thread = threading.Thread(target=tick, daemon=True)
thread.start()
thread.join(0.2)
""", launched=False)
    ticks = [int(message) for message in program.messages("tick")]
    assert ticks == list(range(len(ticks)))
    assert len(ticks) > 100
    assert program.messages("app") == ["before our end", "after our end"]
    assert (program.process.returncode, program.stderr) == (0, "")


def test_a_second_sigterm_does_not_wait(bench: Bench, receiver: OtlpReceiver) -> None:
    """Who insists gets out at once; the status is the signal's."""
    receiver.behave("hang")
    program = bench.script(HEAD + """
log.info("one")
print("ready", flush=True)
time.sleep(60)
""", env={"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.http_endpoint,
          "FM_OTEL_EXIT_TIMEOUT_MS": "30000"})
    program.says("ready")
    program.signal(signal.SIGTERM)
    receiver.wait_for_requests(1)
    program.signal(signal.SIGTERM)
    assert program.end(10) == -signal.SIGTERM
    assert program.messages("app") == ["one"]


@pytest.mark.parametrize("kept", ["signal.SIG_IGN", "mine"])
def test_the_programs_own_signal_handler_stays_in_force(bench: Bench, kept: str) -> None:
    """An ignored SIGTERM stays ignored; a handler set later replaces ours and is only called."""
    program = bench.run(HEAD + f"""
def mine(number, frame):
    log.info("mine %d", number)
signal.signal(signal.SIGTERM, {kept})
os.kill(os.getpid(), signal.SIGTERM)
log.info("still here")
""")
    expected = ["still here"] if "IGN" in kept else ["mine 15", "still here"]
    assert program.messages("app") == expected
    assert program.process.returncode == 0


def test_signals_can_be_left_alone(bench: Bench) -> None:
    """FM_OTEL_SIGNALS=false: the default action stands, the status too."""
    program = bench.run(HEAD + """
assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
log.warning("out already")
os.kill(os.getpid(), signal.SIGTERM)
""", env={"FM_OTEL_SIGNALS": "false"})
    assert program.messages("app") == ["out already"]
    assert program.process.returncode == -signal.SIGTERM
