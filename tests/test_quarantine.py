"""Refused records are set aside where their owner, and nobody else, finds them again."""

from __future__ import annotations

import base64
import json
import os
import re
import stat
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from fm_otel.encoding.otlp import export_request
from fm_otel.encoding.protobuf import block
from fm_otel.settings import Settings
from fm_otel.sinks import quarantine
from fm_otel.sinks.quarantine import Quarantine
from tests.otlp_receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Iterator

SECRET = "hunter2-x9-Zebra"


def request_of(body: str) -> bytes:
    """Return a request of one record."""
    return export_request(block(1, b""), [("app", "1.2", [block(5, block(1, body.encode()))])])


def line_of(body: str) -> dict[str, Any]:
    """Return what is kept of that request."""
    scope = {"name": "app", "version": "1.2"}
    record = {"body": {"stringValue": body}}
    return {
        "resourceLogs": [
            {"resource": {}, "scopeLogs": [{"scope": scope, "logRecords": [record]}]},
        ],
    }


def files(folder: Path) -> list[Path]:
    """Return the files kept, those written first before the others."""
    return sorted(folder.glob("*.jsonl"))


def lines(folder: Path) -> list[dict[str, Any]]:
    """Return the lines kept, oldest first."""
    return [json.loads(line) for file in files(folder) for line in file.read_text().splitlines()]


def bodies(folder: Path) -> list[str]:
    """Return the messages of the records kept, oldest first."""
    scopes = [line["resourceLogs"][0]["scopeLogs"][0] for line in lines(folder)]
    return [scope["logRecords"][0]["body"]["stringValue"] for scope in scopes]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A directory that is not there yet, in one that is not there either."""
    return tmp_path / "state" / "quarantine"


# Lines.


def test_record_is_kept_as_a_request_in_otlp_json(folder: Path) -> None:
    """A line has resource, scope and every slot of the record, ids in hex, numbers as OTLP/JSON."""
    message = ExportLogsServiceRequest()
    logs = message.resource_logs.add(schema_url="https://example.com/1")
    logs.resource.attributes.add(key="process.pid").value.int_value = 7
    scope = logs.scope_logs.add()
    scope.scope.name = "app"
    record = scope.log_records.add(
        time_unix_nano=2**60, severity_number=17, severity_text="ERROR",  # type: ignore[arg-type]
        trace_id=bytes(range(16)), span_id=b"\xff" * 8, flags=1,
    )
    record.body.string_value = "Zürich\n"
    record.attributes.add(key="n").value.double_value = 0.5
    record.attributes.add(key="raw").value.bytes_value = b"\x00\xff"

    told = Quarantine(str(folder)).keep(message.SerializeToString())

    (file,) = files(folder)
    assert told == f"kept in {file}"
    assert file.read_bytes().count(b"\n") == 1
    assert lines(folder) == [{
        "resourceLogs": [{
            "resource": {"attributes": [{"key": "process.pid", "value": {"intValue": "7"}}]},
            "scopeLogs": [{
                "scope": {"name": "app"},
                "logRecords": [{
                    "timeUnixNano": "1152921504606846976",
                    "severityNumber": 17,
                    "severityText": "ERROR",
                    "body": {"stringValue": "Zürich\n"},
                    "attributes": [
                        {"key": "n", "value": {"doubleValue": 0.5}},
                        {"key": "raw", "value": {"bytesValue": "AP8="}},
                    ],
                    "flags": 1,
                    "traceId": "000102030405060708090a0b0c0d0e0f",
                    "spanId": "ffffffffffffffff",
                }],
            }],
            "schemaUrl": "https://example.com/1",
        }],
    }]


@pytest.mark.parametrize("request_", [b"\xff\xff", request_of("x").replace(b"x", b"\xff")])
def test_what_cannot_be_decoded_is_kept_as_it_is(folder: Path, request_: bytes) -> None:
    """Bytes that are no request, or no text, can still be looked at."""
    Quarantine(str(folder)).keep(request_)
    assert lines(folder) == [{"base64": base64.b64encode(request_).decode()}]


def test_lines_of_a_process_share_a_file(folder: Path) -> None:
    """Each line is appended; the file's name tells when it was begun and by whom."""
    kept = Quarantine(str(folder))
    assert len({kept.keep(request_of(body)) for body in ("a", "b")}) == 1
    assert lines(folder) == [line_of("a"), line_of("b")]
    (file,) = files(folder)
    assert re.fullmatch(rf"\d{{8}}T\d{{6}}\.\d{{6}}Z-{os.getpid()}\.jsonl", file.name)


def test_file_that_was_taken_away_is_begun_anew(folder: Path) -> None:
    """Whoever has looked at the records may delete them under the running process."""
    kept = Quarantine(str(folder))
    kept.keep(request_of("a"))
    files(folder)[0].unlink()
    kept.keep(request_of("b"))
    assert bodies(folder) == ["b"]


# Bounds.


def test_oldest_lines_make_room_for_new_ones(folder: Path) -> None:
    """All files together stay within the bound, and the latest records are there."""
    kept = Quarantine(str(folder), max_bytes=8_000)
    for number in range(100):
        assert kept.keep(request_of(f"{number:0100}")).startswith("kept in ")
        size = sum(file.stat().st_size for file in files(folder))
        assert (5_000 if number > 50 else 0) < size <= 8_000
    found = [int(body) for body in bodies(folder)]
    assert found == list(range(100 - len(found), 100))


def test_files_of_processes_gone_make_room_first(folder: Path) -> None:
    """What was written to longest ago goes, whoever wrote it; other files are left alone."""
    Quarantine(str(folder)).keep(request_of("own"))
    for age, name in enumerate(("c.jsonl", "b.jsonl", "a.jsonl", "note.txt"), 1):
        (folder / name).write_bytes(b"x" * 3_000)
        os.utime(folder / name, (2_000_000_000 - age,) * 2)
    Quarantine(str(folder), max_bytes=7_000).keep(request_of("new"))
    left = {path.name[:1] for path in folder.iterdir()}
    assert left == {"c", "b", "n", "2"}


def test_number_of_files_is_bounded(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes that keep ending do not fill the directory with small files."""
    monkeypatch.setattr(quarantine, "MAX_FILES", 5)
    for number in range(8):
        Quarantine(str(folder)).keep(request_of(str(number)))
    assert bodies(folder) == ["3", "4", "5", "6", "7"]


def test_line_beyond_the_bound_is_told(folder: Path) -> None:
    """One record that no file may hold costs the others nothing."""
    kept = Quarantine(str(folder), max_bytes=1_000)
    kept.keep(request_of("small"))
    assert kept.keep(request_of("x" * 1_000)) == f"not kept ({folder}: File too large)"
    assert bodies(folder) == ["small"]


FULL = textwrap.dedent("""
    import resource, sys
    sys.path.insert(0, sys.argv[2])
    from fm_otel.sinks.quarantine import Quarantine
    from tests.test_quarantine import request_of
    kept = Quarantine(sys.argv[1])
    kept.keep(request_of("a"))
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    print(kept.keep(request_of("x" * 2000)))
    print(kept.keep(request_of("b")).split(" in ")[0])
""")


def test_full_disk_leaves_no_half_line(folder: Path) -> None:
    """A write that ends in the middle is taken back, so that what follows can be read."""
    root = str(Path(__file__).parents[1])
    run = subprocess.run(
        [sys.executable, "-c", FULL, str(folder), root], capture_output=True, text=True,
        check=False,
    )
    assert (run.stdout, run.stderr) == (f"not kept ({folder}: File too large)\nkept\n", "")
    assert bodies(folder) == ["a", "b"]


# Whose it is.


def test_only_the_owner_may_look(folder: Path) -> None:
    """Directory and file are closed to others, whatever the umask and what was there before."""
    folder.mkdir(parents=True, mode=0o755)
    before = os.umask(0)
    try:
        Quarantine(str(folder)).keep(request_of("a"))
    finally:
        os.umask(before)
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (folder, *files(folder))]
    assert modes == [0o700, 0o600]


def test_directory_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    """Records do not go where somebody else pointed."""
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    folder.parent.mkdir()
    folder.symlink_to(elsewhere)
    told = Quarantine(str(folder)).keep(request_of("a"))
    assert told == f"not kept ({folder}: Not a directory)"
    assert list(elsewhere.iterdir()) == []


def test_file_that_is_a_link_is_refused(folder: Path, tmp_path: Path) -> None:
    """Nor are they appended to a file behind a link."""
    kept = Quarantine(str(folder))
    kept.keep(request_of("a"))
    (file,) = files(folder)
    file.rename(tmp_path / "elsewhere")
    file.symlink_to(tmp_path / "elsewhere")
    told = kept.keep(request_of("b"))
    assert told == f"not kept ({folder}: Too many levels of symbolic links)"
    assert (tmp_path / "elsewhere").read_text().count("\n") == 1


def test_directory_of_another_user_is_refused(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A directory somebody else made is theirs to read: nothing is written to it."""
    folder.mkdir(parents=True)
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    told = Quarantine(str(folder)).keep(request_of("a"))
    assert told == f"not kept ({folder}: owned by another user)"
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("path", ["/dev/null/quarantine", "/proc/none/quarantine", "a\0b"])
def test_path_that_cannot_be_never_raises(path: str) -> None:
    """Whatever the setting says, the answer is words."""
    assert Quarantine(path).keep(request_of("a")).startswith(f"not kept ({path}: ")


@pytest.mark.parametrize(
    ("environ", "directory"),
    [
        ({"FM_OTEL_SPOOL_DIR": "/var/spool/shop"}, "/var/spool/shop"),
        ({"FM_OTEL_SPOOL_DIR": "OFF", "HOME": "/home/u"}, None),
        ({"XDG_STATE_HOME": "/state", "HOME": "/home/u"}, "/state/fm_otel"),
        ({"XDG_STATE_HOME": "state", "HOME": "/home/u"}, "/home/u/.local/state/fm_otel"),
        ({"HOME": "/home/u"}, "/home/u/.local/state/fm_otel"),
        ({"HOME": "home"}, None),
    ],
)
def test_directory_follows_the_settings(environ: dict[str, str], directory: str | None) -> None:
    """The setting, else the user's directory for state; without a home nothing is kept."""
    assert Settings.from_environ(environ).state_dir == directory


# A whole process.


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    """A receiver that refuses what holds POISON."""
    with OtlpReceiver() as running:
        running.behave("marker", marker="POISON")
        yield running


def run(
    program: str, receiver: OtlpReceiver, spool: Path | str, protocol: str = "http/protobuf"
) -> subprocess.CompletedProcess[str]:
    """Run a program whose records go to the receiver in batches as large as they get."""
    endpoint = receiver.grpc_endpoint
    if protocol != "grpc":
        endpoint = f"{receiver.http_endpoint}/v1/logs"
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True, text=True, check=False, timeout=60,
        env={
            **os.environ,
            "FM_OTEL_SPOOL_DIR": str(spool),
            "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": endpoint,
            "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL": protocol,
            "OTEL_BLRP_SCHEDULE_DELAY": "60000",
        },
    )


ONE_IN_512 = f"""
    import logging, sys, fm_otel
    handle = fm_otel.configure(console="off")
    assert handle.force_flush(20000)
    logger = logging.getLogger("shop")
    for number in range(512):
        if number == 300:
            logger.info("POISON order %d password=%s", number, "{SECRET}")
        else:
            logger.info("order %d", number)
    assert not handle.force_flush(20000)
    print([name for name in ("google.protobuf", "grpc") if name in sys.modules])
"""


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_one_refused_record_is_kept_and_the_others_arrive(
    receiver: OtlpReceiver, tmp_path: Path, protocol: str
) -> None:
    """511 of 512 arrive within 19 requests more; the other is kept, redacted, and counted once."""
    done = run(ONE_IN_512, receiver, tmp_path, protocol)
    orders = [r["body"] for r in receiver.records if r["logger"] == "shop"]
    assert sorted(orders) == sorted(f"order {number}" for number in range(512) if number != 300)
    requests = [request for request in receiver.requests if request.signal == "/v1/logs"]
    assert len(requests) <= 4 + 19  # the start, two batches, the stop

    (file,) = files(tmp_path / "quarantine")
    assert bodies(tmp_path / "quarantine") == ["POISON order 300 password=[REDACTED:password]"]
    assert SECRET.encode() not in file.read_bytes()
    (resource,) = lines(tmp_path / "quarantine")[0]["resourceLogs"]
    told = {pair["key"]: pair["value"] for pair in resource["resource"]["attributes"]}
    assert told["service.name"] == {"stringValue": "faultmaven-api"}
    assert [scope["scope"] for scope in resource["scopeLogs"]] == [{"name": "shop"}]

    over_http = protocol != "grpc"
    where = f"http://localhost:{receiver.http_port}/v1/logs" if over_http else (
        f"localhost:{receiver.grpc_port}")
    reason = "400 Bad Request told to" if over_http else "INVALID_ARGUMENT told to"
    assert done.stderr == (
        f"fm_otel: {where} refused 1 record for good: {reason}; kept in {file}\n"
        "fm_otel: records not delivered: rejected 1\n"
    )
    assert done.stdout == ("['google.protobuf']\n" if over_http else
                           "['google.protobuf', 'grpc']\n")


def test_nothing_is_made_where_nothing_is_refused(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """Neither a directory nor the package that writes the lines comes without need."""
    receiver.behave("ok")
    program = ONE_IN_512.replace("assert not", "assert")
    done = run(program, receiver, tmp_path / "state")
    assert (done.stdout, done.stderr) == ("[]\n", "")
    assert not (tmp_path / "state").exists()


def test_off_keeps_nothing(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """Where nothing may be kept, the line says so and the record is counted all the same."""
    done = run(ONE_IN_512, receiver, "off")
    assert done.stderr == (
        f"fm_otel: http://localhost:{receiver.http_port}/v1/logs refused 1 record for good: "
        "400 Bad Request told to; not kept\nfm_otel: records not delivered: rejected 1\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_directory_that_cannot_be_used_is_one_line(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """A file in the way of the directory costs the copy, and nothing else."""
    (tmp_path / "spool").touch()
    done = run(ONE_IN_512, receiver, tmp_path / "spool")
    assert done.stderr == (
        f"fm_otel: http://localhost:{receiver.http_port}/v1/logs refused 1 record for good: "
        f"400 Bad Request told to; not kept ({tmp_path}/spool/quarantine: File exists)\n"
        "fm_otel: records not delivered: rejected 1\n"
    )
    assert len([r for r in receiver.records if r["logger"] == "shop"]) == 511


def test_each_process_keeps_its_own(receiver: OtlpReceiver, tmp_path: Path) -> None:
    """After a fork the child's refused records go to a file of its own, under its own name."""
    done = run("""
        import logging, os, sys, fm_otel
        handle = fm_otel.configure(console="off")
        logger = logging.getLogger("shop")

        def refused(who):
            logger.info("fine")
            handle.force_flush(20000)
            logger.info("POISON %s", who)
            handle.force_flush(20000)

        refused("parent")
        child = os.fork()
        if child == 0:
            refused("child")
            sys.exit()
        os.waitpid(child, 0)
        refused("parent")
        print(os.getpid(), child)
    """, receiver, tmp_path)
    parent, child = done.stdout.split()
    found = {
        file.stem.rpartition("-")[2]: file.read_text().splitlines()
        for file in files(tmp_path / "quarantine")
    }
    assert {pid: len(kept) for pid, kept in found.items()} == {parent: 2, child: 1}
    for pid, kept in found.items():
        process = f'{{"key":"process.pid","value":{{"intValue":"{pid}"}}}}'
        assert all(process in line for line in kept)
    assert bodies(tmp_path / "quarantine") == ["POISON parent", "POISON parent", "POISON child"]
