"""Records a receiver refused for good, set aside on disk for people to look at.

A line is one record with its resource and scope, in OTLP/JSON: what OpenTelemetry's file exporter
writes, the collector's ``otlpjsonfile`` receiver reads and ``/v1/logs`` takes. The records come
from behind redaction. Nothing is made on disk before there is something to set aside.
"""

from __future__ import annotations

import errno
import json
import os
import stat
from base64 import b64decode, b64encode
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

MAX_BYTES: Final = 16 << 20
"""Bytes of all files together."""

MAX_FILES: Final = 256
"""Files there may be, so that looking through them stays cheap."""

_SUFFIX: Final = ".jsonl"
_IDS: Final = ("traceId", "spanId")


class Quarantine:
    """Keeps refused records in files below ``directory``, each process in its own.

    All files together stay within ``max_bytes``: those not written to for longest go first. A
    process goes on in another file when a quarter is full, so that its latest lines stay. The
    directory is for its owner alone; one that is a link or somebody else's is not written to.
    """

    def __init__(self, directory: str, max_bytes: int = MAX_BYTES) -> None:
        self._directory = Path(directory)
        self._max_bytes = max_bytes
        self._name = ""
        self._pid = 0

    def keep(self, request: bytes) -> str:
        """Set a serialised ``ExportLogsServiceRequest`` aside; return what became of it, in words.

        Never raises: what cannot be written is told.
        """
        try:
            return f"kept in {self._directory / self._append(_line(request))}"
        except (OSError, ValueError) as error:  # the latter from a path that cannot be one
            reason = getattr(error, "strerror", None) or type(error).__name__
            return f"not kept ({self._directory}: {reason})"

    def _append(self, line: bytes) -> str:
        """Write the line and return the name of its file."""
        if len(line) > self._max_bytes:
            raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))
        with closing(_Folder(self._directory)) as folder:
            self._choose(folder, len(line))
            folder.make_room(self._max_bytes - len(line))
            folder.append(self._name, line)
        return self._name

    def _choose(self, folder: _Folder, size: int) -> None:
        """Take another file when this process, or the one it is forked from, has none yet."""
        pid = os.getpid()
        full = folder.size(self._name) + size > self._max_bytes // 4
        if self._pid != pid or full:
            moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
            self._pid, self._name = pid, f"{moment}-{pid}{_SUFFIX}"


class _Folder:
    """A directory of files for nobody else, held open so that it cannot be exchanged."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with suppress(FileExistsError):
            path.mkdir(mode=0o700)
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            _demand_own(self._fd)
            os.fchmod(self._fd, 0o700)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Let go of the directory."""
        os.close(self._fd)

    def size(self, name: str) -> int:
        """Return the bytes of a file, 0 when it is not there."""
        return sum(size for _, found, size in self._files() if found == name)

    def make_room(self, max_bytes: int) -> None:
        """Remove the files written to longest ago until the others leave room."""
        files = sorted(self._files())
        total = sum(size for _, _, size in files)
        while files and (total > max_bytes or len(files) >= MAX_FILES):
            _, name, size = files.pop(0)
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=self._fd)
            total -= size

    def append(self, name: str, line: bytes) -> None:
        """Add a whole line to a file, or nothing."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        fd = os.open(name, flags, 0o600, dir_fd=self._fd)
        try:
            _demand_own(fd)
            _write(fd, line)
        finally:
            os.close(fd)

    def _files(self) -> Iterator[tuple[int, str, int]]:
        """Yield time of the last write in nanoseconds, name and bytes of each file."""
        for name in os.listdir(self._fd):  # noqa: PTH208 - a path could lead elsewhere by now
            if name.endswith(_SUFFIX):
                with suppress(FileNotFoundError):
                    state = os.stat(name, dir_fd=self._fd, follow_symlinks=False)
                    if stat.S_ISREG(state.st_mode):
                        yield state.st_mtime_ns, name, state.st_size


def _demand_own(fd: int) -> None:
    if os.fstat(fd).st_uid != os.geteuid():
        raise OSError(errno.EPERM, "owned by another user")


def _write(fd: int, line: bytes) -> None:
    before = os.fstat(fd).st_size
    try:
        while line:
            line = line[os.write(fd, line):]
    except OSError:
        os.ftruncate(fd, before)
        raise


def _line(request: bytes) -> bytes:
    """Return a request as a line of OTLP/JSON, in base64 where it cannot be read."""
    try:
        found = _as_json(request)
    except Exception:  # noqa: BLE001 - what nobody can read is what has to be looked at
        found = {"base64": b64encode(request).decode()}
    return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _as_json(request: bytes) -> dict[str, Any]:
    # Imported for a refused record only: nothing else of ours needs the protobuf package.
    from google.protobuf.json_format import MessageToDict  # type: ignore[import-untyped]
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    message = ExportLogsServiceRequest.FromString(request)
    found: dict[str, Any] = MessageToDict(message, use_integers_for_enums=True)
    for record in _records(found):
        # OTLP/JSON has ids in hex where protobuf's own JSON has base64.
        record |= {key: b64decode(record[key]).hex() for key in _IDS if key in record}
    return found


def _records(request: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for resource in request.get("resourceLogs", ()):
        for scope in resource.get("scopeLogs", ()):
            yield from scope.get("logRecords", ())
