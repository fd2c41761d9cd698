"""Endless load for a running demo API, at a given rate, with every kind of failure in it."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import httpx

from fm_otel.demo.scenario import QUERIES, Scenario, Step

if TYPE_CHECKING:
    from collections.abc import Callable

_REPORT_SECONDS: Final = 10.0
_PAUSE_SECONDS: Final = 1.0
_FAULT_SHARE: Final = 0.15
_NEW_CASE_SHARE: Final = 0.1
_MAX_PENDING: Final = 100


class Load:
    """Sends requests to one server at a steady rate; a server that is away is tried again."""

    def __init__(self, client: httpx.AsyncClient, rate: float, tell: Callable[[str], None],
                 chance: random.Random | None = None) -> None:
        self._scenario = Scenario(client)
        self._rate = rate
        self._tell = tell
        self._chance = chance or random.Random()
        self._session_id = ""
        self._case_id = ""
        self._sent: Counter[str] = Counter()

    async def run(self) -> None:
        """Send for ever; requests that take long do not slow down the ones after them."""
        pending: set[asyncio.Task[None]] = set()
        due = reported = time.monotonic()
        while True:
            if len(pending) < _MAX_PENDING:
                pending.add(task := asyncio.create_task(self._guarded()))
                task.add_done_callback(pending.discard)
            due = max(due + 1 / self._rate, time.monotonic() - _PAUSE_SECONDS)
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            if time.monotonic() - reported >= _REPORT_SECONDS:
                reported = time.monotonic()
                self._report()

    async def _guarded(self) -> None:
        try:
            await self._one()
        except httpx.HTTPError as error:
            self._sent[type(error).__name__] += 1
            self._session_id = self._case_id = ""
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _one(self) -> None:
        if not self._case_id or self._chance.random() < _NEW_CASE_SHARE:
            await self._start_case()
        elif self._chance.random() < _FAULT_SHARE:
            await self._fail()
        else:
            await self._work()
        self._count()

    async def _start_case(self) -> None:
        session_id = await self._scenario.open_session(f"user_{self._chance.randrange(50)}")
        reply = await self._scenario.post("open case", "/cases", 201, {
            "title": "Checkout is slow", "session_id": session_id})
        self._session_id, self._case_id = session_id, str(reply.get("case_id", ""))

    async def _work(self) -> None:
        query = f"{self._chance.choice(QUERIES)} ({self._chance.randrange(20)})"
        path = f"/cases/{self._case_id}"
        await self._chance.choice((
            lambda: self._scenario.ask("ask", self._case_id, query),
            lambda: self._scenario.ask("ask", self._case_id, query),
            lambda: self._scenario.get("read", path, 200),
            lambda: self._scenario.get("report", f"{path}/report", 200),
            lambda: self._scenario.post("upload", f"{path}/data", 201,
                                        {"data_type": "log_file", "content": "line\n" * 20}),
            lambda: self._scenario.post("search", "/knowledge/search", 200, {"query": "pool"}),
        ))()

    async def _fail(self) -> None:
        wrong: Any = {"username": "maria", "password": self._scenario.plant("pw")}
        self._scenario.planted.clear()
        ask = self._scenario.ask
        await self._chance.choice((
            lambda: ask("llm", self._case_id, f"Try {self._chance.random()}", "llm"),
            lambda: ask("llm", self._case_id, f"Try {self._chance.random()}", "llm_all", 502),
            lambda: ask("slow", self._case_id, "Take your time.", "slow"),
            lambda: self._scenario.post("redis", f"/sessions/{self._session_id}/heartbeat", 503,
                                        fault="redis"),
            lambda: self._scenario.post("login", "/auth/login", 401, wrong),
            lambda: self._scenario.post("invalid", "/cases", 422, {"title": "x"}),
            lambda: self._scenario.get("missing", "/cases/case_999999", 404),
            self._scenario.crash,
        ))()

    def _count(self) -> None:
        steps: list[Step] = self._scenario.steps
        self._sent.update(f"{step.status // 100}xx" for step in steps)
        steps.clear()

    def _report(self) -> None:
        counts = ", ".join(f"{name} {count}" for name, count in sorted(self._sent.items()))
        self._tell(f"sent {sum(self._sent.values())} requests: {counts}")
