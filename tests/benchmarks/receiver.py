"""An OTLP/HTTP receiver that answers at once, in a process of its own.

``python receiver.py`` prints its port and serves until its input ends. ``POST`` takes a request;
with ``--count`` it is decoded and its records are counted. ``GET`` returns the count so far.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from subject import pin

DECODE = False
_taken = 0


def _records(body: bytes) -> int:
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

    request = ExportLogsServiceRequest.FromString(body)
    return sum(
        len(scope.log_records) for about in request.resource_logs for scope in about.scope_logs
    )


class _Connection(asyncio.Protocol):
    def __init__(self) -> None:
        self._data = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = bytes(self._data[:end]).lower()
            size = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name == b"content-length":
                    size = int(value)
            if len(self._data) < end + 4 + size:
                return
            body = bytes(self._data[end + 4 : end + 4 + size])
            del self._data[: end + 4 + size]
            self._answer(head, body)

    def _answer(self, head: bytes, body: bytes) -> None:
        global _taken
        answer = b""
        if head.startswith(b"get"):
            answer = str(_taken).encode()
        elif DECODE:
            _taken += _records(body)
        self._transport.write(  # type: ignore[attr-defined]
            b"HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(answer), answer),
        )


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Connection, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


@contextmanager
def receiver(*, core: int = -1, count: bool = False) -> Iterator[str]:
    """Run a receiver; yields the address of its logs endpoint."""
    arguments = ["--core", str(core), *(["--count"] if count else [])]
    process = subprocess.Popen(
        [sys.executable, str(Path(__file__)), *arguments],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{int(process.stdout.readline())}/v1/logs"
    finally:
        process.stdin.close()
        process.wait(10)


def taken(endpoint: str) -> int:
    """Return how many records the receiver at ``endpoint`` has taken."""
    with urllib.request.urlopen(endpoint, timeout=10) as answer:
        return int(answer.read())


def main() -> None:
    """Serve until the input ends."""
    global DECODE
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", action="store_true")
    parser.add_argument("--core", type=int, default=-1)
    asked = parser.parse_args()
    DECODE = asked.count
    pin(asked.core)
    asyncio.run(_serve())


if __name__ == "__main__":
    main()
