"""Real servers beside their twins without us: driven over HTTP, ended by signals, compared."""

from __future__ import annotations

import http.client
import signal
import socket
from collections import defaultdict
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from .rig import BIN, arrived, assert_same, eventually, lay_tap, tapped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from .rig import Bench, Program

APP = '''
import logging
from contextlib import asynccontextmanager
from fastapi import FastAPI

log = logging.getLogger("shop")

@asynccontextmanager
async def lifespan(app):
    log.info("opening")
    yield
    log.info("closing")

app = FastAPI(lifespan=lifespan)

@app.get("/")
def home():
    return {}

@app.get("/items/{n}")
async def item(n: int):
    log.info("item %d", n)
    log.debug("not wanted")
    return {}

@app.get("/boom")
async def boom():
    raise RuntimeError("boom")
'''

WSGI = '''
import logging
from flask import Flask

log = logging.getLogger("shop")
app = Flask(__name__)
log.warning("imported")

@app.get("/")
def home():
    return ""

@app.get("/items/<int:n>")
def item(n):
    log.info("item %d", n)
    app.logger.warning("flask %d", n)
    return ""

@app.get("/boom")
def boom():
    raise RuntimeError("boom")
'''


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def get(port: int, path: str) -> int:
    """Return the status of a GET, 0 when nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException):
        return 0
    else:
        return answer.status
    finally:
        connection.close()


@dataclass
class Served:
    """A server's life: what it wrote and how it ended, with us and without."""

    program: Program
    port: int
    status: int
    plain_status: int

    @property
    def lines(self) -> list[dict[str, Any]]:
        """The JSON lines of every process of the server."""
        return self.program.lines

    def of(self, logger: str) -> list[dict[str, Any]]:
        """Return the lines of one logger."""
        return [line for line in self.lines if line["logger"] == logger]


def command(port: int, *words: str) -> list[str]:
    """Return a command line with the port filled in."""
    program, *rest = (word.replace("{port}", str(port)) for word in words)
    return [str(BIN / program), *rest]


def serve(
    bench: Bench, *words: str, requests: Iterable[str] = (), number: int = signal.SIGTERM,
    meanwhile: Callable[[Program, int], None] | None = None, **env: str,
) -> Served:
    """Run a server through some requests to its end, and its twin without us to the same end.

    Fails unless every record that was logged in any of its processes is there exactly once, and
    nothing but our lines was written.
    """
    tap = lay_tap(bench.directory)
    port, plain_port = free_port(), free_port()
    program = bench.start(command(port, *words), env={**tap, **env})
    twin = bench.start(command(plain_port, *words), launched=False)
    for one in (port, plain_port):
        eventually(partial(get, one, "/"), "an answer of the server")
    for path in requests:
        assert get(port, path)
    if meanwhile is not None:
        meanwhile(program, port)
    # The last request is answered a moment before the signal: its records are the ones at risk.
    program.signal(number)
    twin.signal(number)
    served = Served(program, port, program.end(), twin.end())
    assert served.status == served.plain_status
    assert_delivered(bench, program)
    return served


def assert_delivered(bench: Bench, program: Program) -> None:
    """Fail when a record is lost or doubled, or processes mix up their identities."""
    assert_same(tapped(bench.directory), arrived(program.lines))
    prefixes = defaultdict(set)
    for line in program.lines:
        prefixes[line["pid"]].add(line["record_id"].rpartition("-")[0])
    assert all(len(found) == 1 for found in prefixes.values()), prefixes
    assert len({one for found in prefixes.values() for one in found}) == len(prefixes)
    starts = [line["pid"] for line in program.lines if line.get("event") == "faultmaven.process.start"]
    assert sorted(starts) == sorted(prefixes), "one start record for each process that logs"
