"""LOG_FILE and FM_OTEL_AUDIT_FILE: rotated, shared, full, out of reach; no line lost or broken."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from .rig import eventually, parsed

if TYPE_CHECKING:
    from pathlib import Path

    from .rig import Bench, Program

HEAD = """
import logging, os, pathlib, resource, sys, time
log = logging.getLogger("app")
def wait_for(name):
    pathlib.Path(name + ".asked").touch()
    while not pathlib.Path(name).exists():
        time.sleep(0.01)
def say(*numbers):
    for n in numbers:
        log.warning("record %d", n)
def say_until(condition, n):
    # One record each 20 ms, until what they are said for has happened.
    while not condition():
        log.warning("record %d", n)
        n += 1
        time.sleep(0.02)
    return n
"""


def lines_of(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a file, every one of them whole."""
    texts = path.read_text().splitlines()
    lines = parsed(texts)
    assert len(lines) == len(texts)
    return lines


def records(*paths: Path) -> list[str]:
    return [line["message"] for path in paths for line in lines_of(path) if line["logger"] == "app"]


def answer(bench: Bench, program: Program, question: str) -> None:
    """Wait until the program asks for a file, and make it."""
    eventually((bench.directory / f"{question}.asked").exists, f"{question}\n{program.stderr}")
    (bench.directory / question).touch()


# ---- rotation


def test_a_rotation_by_rename_loses_nothing(bench: Bench) -> None:
    """As logrotate does it: rename, nothing told to the program, no empty file made for it."""
    log, old = bench.directory / "app.log", bench.directory / "app.log.1"
    program = bench.script(HEAD + """
n = say_until(pathlib.Path("app.log.1").exists, 0)
n = say_until(pathlib.Path("app.log").exists, n)
say(n)
print(n)
""", env={"LOG_FILE": "app.log"})
    eventually(lambda: log.exists() and len(log.read_text().splitlines()) > 5, "the first lines")
    log.rename(old)
    assert program.end() == 0
    [count] = program.prose
    assert records(old, log) == [f"record {n}" for n in range(int(count) + 1)]
    assert stat.S_IMODE(log.stat().st_mode) == 0o640 & ~umask()
    assert program.stderr == ""


def umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_a_rotation_by_copy_and_truncate_goes_on_at_the_start(bench: Bench) -> None:
    """Lines go to the end of the file as it is now, not to where the last one ended."""
    log = bench.directory / "app.log"
    program = bench.script(HEAD + "say(1, 2); wait_for('emptied'); say(3)",
                           env={"LOG_FILE": "app.log"})
    eventually((bench.directory / "emptied.asked").exists, "two records")
    assert records(log) == ["record 1", "record 2"]
    os.truncate(log, 0)
    answer(bench, program, "emptied")
    assert program.end() == 0
    assert records(log) == ["record 3"]


def test_a_removed_directory_is_made_again(bench: Bench) -> None:
    """Somebody cleans up; the records after that have a place."""
    program = bench.run(HEAD + """
import shutil
say(0)
shutil.rmtree("logs")
n = say_until(pathlib.Path("logs/deep/app.log").exists, 1)
say(n)
print(n)
""", env={"LOG_FILE": "logs/deep/app.log"})
    [last] = program.prose
    kept = records(bench.directory / "logs/deep/app.log")
    assert kept[-1] == f"record {last}"
    assert program.stderr == ""


def test_a_relative_path_stays_where_it_was(bench: Bench) -> None:
    """A server that changes its directory has one log, not two."""
    bench.run(HEAD + """
say(0)
os.mkdir("elsewhere")
os.chdir("elsewhere")
time.sleep(0.3)  # longer than between two looks at the path
say(1)
""", env={"LOG_FILE": "app.log"})
    assert records(bench.directory / "app.log") == ["record 0", "record 1"]
    assert not (bench.directory / "elsewhere/app.log").exists()


# ---- shared


@pytest.mark.parametrize("how", ["fork", "start"])
def test_processes_that_share_a_file_mix_whole_lines(bench: Bench, how: str) -> None:
    """Four writers, each in its own order, while the file is rotated under them."""
    source = HEAD + """
def talk(writer):
    for n in range(300):
        log.info("writer%d %d %s", writer, n, "x" * (n * 37 % 9000))
        if n % 30 == 0:
            time.sleep(0.02)
if len(sys.argv) > 1:
    talk(int(sys.argv[1]))
else:
    for writer in range(4):
        if not os.fork():
            talk(writer)
            sys.exit()
    for writer in range(4):
        os.wait()
"""
    log, old = bench.directory / "app.log", bench.directory / "app.log.1"
    writers = [[]] if how == "fork" else [[str(n)] for n in range(4)]
    env = {"LOG_FILE": "app.log", "FM_OTEL_CONSOLE": "off", "FM_OTEL_FLUSH_INTERVAL_MS": "5"}
    programs = [bench.script(source, *writer, env=env) for writer in writers]
    eventually(lambda: log.exists() and log.stat().st_size > 200_000, "some lines of each")
    log.rename(old)
    assert [program.end() for program in programs] == [0 for _ in writers]
    found: dict[str, list[int]] = {}
    for message in records(old, log):
        if message.startswith("writer"):
            writer, number, _ = message.split(" ", 2)
            found.setdefault(writer, []).append(int(number))
    assert {w: sorted(n) for w, n in found.items()} == {
        f"writer{n}": list(range(300)) for n in range(4)}
    assert found == {w: sorted(n) for w, n in found.items()}


# ---- out of reach, and back


def test_a_file_out_of_reach_is_taken_up_when_it_can_be(bench: Bench) -> None:
    """The console goes on meanwhile; two lines on stderr tell of the trouble and of its end."""
    (bench.directory / "logs").write_text("a file where a directory is wanted")
    program = bench.script(HEAD + """
say(0)
wait_for("cleared")
n = say_until(pathlib.Path("logs/app.log").exists, 1)
say(n)
print(n)
""", env={"LOG_FILE": "logs/app.log"})
    eventually((bench.directory / "cleared.asked").exists, "the first record")
    (bench.directory / "logs").unlink()
    answer(bench, program, "cleared")
    assert program.end() == 0
    [last] = program.prose
    count = int(last) + 1
    kept = records(bench.directory / "logs/app.log")
    # The record that found the file is in it.
    assert kept == [f"record {n}" for n in range(count - len(kept), count)]
    assert len(kept) >= 2
    assert program.messages("app") == [f"record {n}" for n in range(count)]
    # With the start record. Paths of the project are shown from its directory on.
    assert program.stderr.splitlines() == [
        "fm_otel: LOG_FILE='logs/app.log' cannot be written (Not a directory), "
        "its records are lost and counted",
        "fm_otel: LOG_FILE='logs/app.log' takes records again",
        f"fm_otel: records not delivered: file {count - len(kept) + 1}",
    ]


def test_a_directory_in_the_place_of_the_file_costs_the_file_only(bench: Bench) -> None:
    """A wrong path is told once; the program and its console know nothing of it."""
    program = bench.run(HEAD + "say(*range(50))", env={"LOG_FILE": str(bench.directory)})
    assert program.process.returncode == 0
    assert program.messages("app") == [f"record {n}" for n in range(50)]
    assert program.stderr.splitlines() == [
        f"fm_otel: LOG_FILE='{bench.directory}' cannot be written (Is a directory), "
        "its records are lost and counted",
        "fm_otel: records not delivered: file 52",
    ]


def test_a_removed_file_that_cannot_be_made_again_is_told(bench: Bench) -> None:
    """Lines into a file without a name would be lost and called delivered."""
    program = bench.run(HEAD + """
import shutil
say(0)
shutil.rmtree("logs")
pathlib.Path("logs").write_text("in the way")
time.sleep(0.3)  # longer than between two looks at the path
say(1, 2)
""", env={"LOG_FILE": "logs/app.log"})
    assert program.stderr.splitlines() == [
        "fm_otel: LOG_FILE='logs/app.log' cannot be written (Not a directory), "
        "its records are lost and counted",
        "fm_otel: records not delivered: file 3",
    ]


# ---- full


@pytest.mark.parametrize("size", [300, 5000])
def test_a_file_that_may_not_grow_holds_whole_lines(bench: Bench, size: int) -> None:
    """A line that found no room is not begun; when there is room again the log goes on."""
    program = bench.run(HEAD + """
def said(*numbers):
    for n in numbers:
        log.warning("record %d", n, extra={"filler": "x" * int(sys.argv[1])})
said(*range(5))
limit = os.stat("app.log").st_size + int(sys.argv[1]) * 3
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
said(*range(5, 20))
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
said(20, 21)
""", str(size), env={"LOG_FILE": "app.log"})
    assert program.messages("app") == [f"record {n}" for n in range(22)]
    kept = records(bench.directory / "app.log")
    fitted = len(kept) - 7
    assert 0 < fitted < 5
    assert kept == [f"record {n}" for n in (*range(5 + fitted), 20, 21)]
    assert program.stderr.splitlines() == [
        "fm_otel: LOG_FILE='app.log' cannot be written (File too large), "
        "its records are lost and counted",
        "fm_otel: LOG_FILE='app.log' takes records again",
        f"fm_otel: records not delivered: file {15 - fitted}",
    ]


def test_a_full_disk_costs_the_file_only(bench: Bench) -> None:
    """force_flush says that something was not brought out."""
    program = bench.run(HEAD + """
from fm_otel.configurator import running
say(*range(20))
print(running().force_flush(2000))
""", env={"LOG_FILE": "/dev/full"})
    assert program.process.returncode == 0
    assert program.prose == ["False"]
    assert program.messages("app") == [f"record {n}" for n in range(20)]
    assert program.stderr.splitlines() == [
        "fm_otel: LOG_FILE='/dev/full' cannot be written (No space left on device), "
        "its records are lost and counted",
        "fm_otel: records not delivered: file 22",
    ]


def test_a_batch_that_only_partly_fits_is_counted_by_line(bench: Bench) -> None:
    """Sixty-four lines go out in one write; those that the disk took are not lost."""
    program = bench.run(HEAD + """
log.warning("first")
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, -1))
for n in range(60):
    log.info("record %d", n, extra={"filler": "x" * 500})
from fm_otel.configurator import running
running().force_flush(5000)
resource.setrlimit(resource.RLIMIT_FSIZE, (-1, -1))
""", env={"LOG_FILE": "app.log", "FM_OTEL_FLUSH_INTERVAL_MS": "60000", "FM_OTEL_CONSOLE": "off"})
    kept = [text for text in records(bench.directory / "app.log") if text != "first"]
    assert 10 < len(kept) < 40
    assert kept == [f"record {n}" for n in range(len(kept))]
    assert f"fm_otel: records not delivered: file {60 - len(kept)}\n" in program.stderr


# ---- named pipes


def test_a_named_pipe_without_a_reader_does_not_keep_the_program(bench: Bench) -> None:
    """Opening one waits for its reader, for ever if need be."""
    os.mkfifo(bench.directory / "pipe")
    program = bench.run(HEAD + "say(1)", env={"LOG_FILE": "pipe"}, timeout=20)
    assert program.process.returncode == 0
    assert program.messages("app") == ["record 1"]
    assert "cannot be written (No such device or address)" in program.stderr


def test_a_named_pipe_gives_its_reader_every_line(bench: Bench) -> None:
    """The reader is as fast as it is; a write waits for it within the patience of a call."""
    path = bench.directory / "pipe"
    os.mkfifo(path)
    taken = bench.directory / "taken"
    with taken.open("wb") as out, subprocess.Popen(["cat", str(path)], stdout=out) as reader:
        program = bench.run(HEAD + """
for n in range(200):
    log.warning("record %d", n, extra={"filler": "x" * 3000})
""", env={"LOG_FILE": "pipe", "FM_OTEL_CONSOLE": "off"})
        assert reader.wait(30) == 0
    assert records(taken) == [f"record {n}" for n in range(200)]
    assert "fm_otel" not in program.stderr


# ---- the audit channel's own file

AUDITED = HEAD + """
from fm_otel import audit, bound_context
"""


def audits(path: Path) -> list[str]:
    lines = lines_of(path)
    assert {line["logger"] for line in lines} <= {"faultmaven.audit"}
    return [line["message"] for line in lines]


def test_the_audit_file_holds_the_audit_channel_and_nothing_else(bench: Bench) -> None:
    """The same line as on the console, readable for the group and not for the world."""
    program = bench.run(AUDITED + """
say(0)
with bound_context(user_id="u1"):
    audit("case_shared", outcome="success", resource="case/c1", case_id="c1")
""", env={"FM_OTEL_AUDIT_FILE": "trail/audit.log"})
    path = bench.directory / "trail/audit.log"
    [line] = lines_of(path)
    assert line in program.lines
    assert line["audit"] == {"action": "case_shared", "outcome": "success", "actor": "u1",
                             "category": "authorization", "resource": "case/c1"}
    assert stat.S_IMODE(path.stat().st_mode) == 0o640 & ~umask()
    assert program.stderr == ""


def test_an_audit_is_in_its_file_when_the_call_returns(bench: Bench) -> None:
    """Killed in the next statement: whoever did something is on record."""
    program = bench.run(AUDITED + """
audit("login", outcome="success")
os.kill(os.getpid(), 9)
""", env={"FM_OTEL_AUDIT_FILE": "audit.log", "FM_OTEL_WRITE_THROUGH": "CRITICAL"})
    assert program.process.returncode == -9
    assert audits(bench.directory / "audit.log") == ["login"]


def test_no_rate_level_or_full_queue_costs_an_audit(bench: Bench) -> None:
    """Everything that may drop a record is set to do so."""
    program = bench.run(AUDITED + """
import threading
def work(k):
    for n in range(50):
        log.info("noise")
        audit(f"step_{k}_{n}", outcome="success")
logging.disable(logging.CRITICAL)
threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
[t.start() for t in threads]; [t.join() for t in threads]
""", env={"FM_OTEL_AUDIT_FILE": "audit.log", "LOG_SAMPLE_RATE": "0", "LOG_LEVEL": "CRITICAL",
          "FM_OTEL_OVERFLOW": "drop", "FM_OTEL_QUEUE_RECORDS": "1"})
    expected = sorted(f"step_{k}_{n}" for k in range(4) for n in range(50))
    assert sorted(audits(bench.directory / "audit.log")) == expected
    assert sorted(program.messages("faultmaven.audit")) == expected
    assert program.stderr == ""


def test_audits_of_forked_children_share_the_file(bench: Bench) -> None:
    """Each process writes its own, none those of its parent."""
    bench.run(AUDITED + """
audit("parent_before", outcome="success")
for n in range(4):
    if not os.fork():
        audit(f"child_{n}", outcome="success")
        os._exit(0)
for n in range(4):
    os.wait()
audit("parent_after", outcome="success")
""", env={"FM_OTEL_AUDIT_FILE": "audit.log"})
    names = audits(bench.directory / "audit.log")
    assert names[0] == "parent_before"
    assert names[-1] == "parent_after"
    assert sorted(names[1:-1]) == [f"child_{n}" for n in range(4)]
    assert len({line["pid"] for line in lines_of(bench.directory / "audit.log")}) == 5


def test_an_audit_file_out_of_reach_leaves_the_other_ways(bench: Bench) -> None:
    """The loss is told by the name of its variable, and the console has the record."""
    program = bench.run(AUDITED + "audit('login', outcome='success')",
                        env={"FM_OTEL_AUDIT_FILE": "/dev/full", "LOG_FILE": "app.log"})
    assert program.process.returncode == 0
    assert program.messages("faultmaven.audit") == ["login"]
    assert [line["message"] for line in lines_of(bench.directory / "app.log")
            if line["logger"] == "faultmaven.audit"] == ["login"]
    assert program.stderr.splitlines() == [
        "fm_otel: FM_OTEL_AUDIT_FILE='/dev/full' cannot be written (No space left on device), "
        "its records are lost and counted",
        "fm_otel: records not delivered: file 1",
    ]


def test_a_channel_that_is_off_says_so_at_the_start(bench: Bench) -> None:
    """None is made, no file either, and one WARNING tells whoever reads the log."""
    program = bench.run(AUDITED + "say(1); audit('login', outcome='success')",
                        env={"LOG_ENABLE_AUDIT": "false", "FM_OTEL_AUDIT_FILE": "audit.log"})
    assert [(line["level"], line["logger"], line["message"]) for line in program.lines] == [
        ("INFO", "faultmaven.process", "process started"),
        ("WARNING", "faultmaven.process", "audit records are switched off"),
        ("WARNING", "app", "record 1"),
        ("INFO", "faultmaven.process", "process stopping"),
    ]
    assert not (bench.directory / "audit.log").exists()


def test_what_the_files_hold_is_valid(bench: Bench) -> None:
    """The tool that checks a log finds nothing in them."""
    bench.run(AUDITED + "say(1); audit('login', outcome='success')",
              env={"FM_OTEL_AUDIT_FILE": "audit.log", "LOG_FILE": "app.log"})
    command = [sys.executable, "-m", "fm_otel.cli", "validate", "audit.log", "app.log"]
    done = subprocess.run(command, cwd=bench.directory, capture_output=True, text=True, check=True)
    assert done.stdout == "2 files, 5 lines: every line is valid, no secrets\n"
