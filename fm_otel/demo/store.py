"""Sessions, cases and documents of the demo, in memory, and the Redis client that cannot work."""

from __future__ import annotations

import asyncio
import itertools
import socket
import time
from dataclasses import dataclass, field
from typing import Final, TypeVar

from fm_otel import get_logger
from fm_otel.demo.failures import (
    CaseNotFoundError,
    RedisConnectionError,
    SessionExpiredError,
    SessionNotFoundError,
)

logger = get_logger("faultmaven.infrastructure.redis_client")

PHASES: Final = (
    "define_blast_radius",
    "establish_timeline",
    "formulate_hypothesis",
    "validate_hypothesis",
    "propose_solution",
)
_MAX_KEPT: Final = 1000
_T = TypeVar("_T")


@dataclass(slots=True)
class Session:
    """One user's session."""

    session_id: str
    user_id: str
    expired: bool = False
    heartbeats: int = 0


@dataclass(slots=True)
class Case:
    """One investigation, walking through the phases as queries come."""

    case_id: str
    title: str
    session_id: str
    status: str = "investigating"
    phase: str = ""
    data_ids: list[str] = field(default_factory=list)
    entered: float = field(default_factory=time.monotonic)

    def advance(self) -> float | None:
        """Enter the next phase and return the seconds in the one left; None in the last one."""
        following = PHASES.index(self.phase) + 1 if self.phase else 0
        if following == len(PHASES):
            return None
        now = time.monotonic()
        spent, self.entered = now - self.entered, now
        self.phase = PHASES[following]
        return spent


class Store:
    """Everything the API remembers; the oldest entries make room, so that it may run for ever."""

    def __init__(self) -> None:
        self.sessions: dict[str, Session] = {}
        self.cases: dict[str, Case] = {}
        self.documents: dict[str, str] = {}
        self._numbers = itertools.count(1)

    def add_session(self, user_id: str) -> Session:
        """Open a session."""
        session = Session(self._new_id("session"), user_id)
        _keep(self.sessions, session.session_id, session)
        return session

    def session(self, session_id: str) -> Session:
        """Return a live session."""
        session = self.sessions.get(session_id)
        if session is None:
            msg = "no such session"
            raise SessionNotFoundError(msg)
        if session.expired:
            msg = "the session is over"
            raise SessionExpiredError(msg)
        return session

    def add_case(self, title: str, session_id: str) -> Case:
        """Open a case."""
        case = Case(self._new_id("case"), title, session_id)
        _keep(self.cases, case.case_id, case)
        return case

    def case(self, case_id: str) -> Case:
        """Return a case."""
        case = self.cases.get(case_id)
        if case is None:
            msg = "no such case"
            raise CaseNotFoundError(msg, case_id=case_id)
        return case

    def add_data(self, case: Case) -> str:
        """Attach data to a case and return its id."""
        data_id = self._new_id("data")
        case.data_ids.append(data_id)
        return data_id

    def add_document(self, title: str) -> str:
        """Put a runbook into the knowledge base and return its id."""
        document_id = self._new_id("doc")
        _keep(self.documents, document_id, title)
        return document_id

    def _new_id(self, kind: str) -> str:
        return f"{kind}_{next(self._numbers):06}"


def _keep(kept: dict[str, _T], key: str, value: _T) -> None:
    if len(kept) >= _MAX_KEPT:
        del kept[next(iter(kept))]
    kept[key] = value


async def ping_redis() -> None:
    """Try the session store on a port where nobody listens, and fail as Redis clients do."""
    port = _closed_port()
    logger.debug("Connecting to redis at 127.0.0.1:%d", port)
    try:
        await asyncio.open_connection("127.0.0.1", port)
    except OSError as error:
        msg = f"Error connecting to 127.0.0.1:{port}"
        raise RedisConnectionError(msg) from error


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
