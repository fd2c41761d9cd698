"""The driver: what users do to the demo API, step by step, over real HTTP."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    import httpx

QUERIES: Final = (
    "Checkout answers 502 since ten o'clock, which services and customers are affected by it?",
    "What happened in the hour before?",
    "Why would the connection pool run dry?",
    "Does the thread dump support that?",
    "How do we get out of this?",
)
"""One question for each phase."""


@dataclass(frozen=True, slots=True)
class Step:
    """One request: what it was for, the status it should get and the one it got."""

    name: str
    expected: int
    status: int


@dataclass(slots=True)
class Scenario:
    """Drives one server; remembers the steps and the secrets it planted."""

    client: httpx.AsyncClient
    steps: list[Step] = field(default_factory=list)
    planted: list[str] = field(default_factory=list)

    async def run(self) -> None:
        """Walk through everything the demo shows."""
        await self.sign_in()
        session_id = await self.open_session("user_789")
        await self.prepare(session_id)
        case_id = await self.investigate(session_id)
        await self.fail(session_id, case_id)
        await self.in_parallel()
        await self.finish(session_id, case_id)

    async def sign_in(self) -> None:
        """Use a wrong password, then the right one."""
        await self.post("failed login", "/auth/login", 401,
                        {"username": "maria", "password": self.plant("pw")})
        await self.post("login", "/auth/login", 200,
                        {"username": "maria", "password": "correct horse"})

    async def open_session(self, user_id: str) -> str:
        """Open a session and use it once."""
        reply = await self.post("open session", "/sessions", 201, headers={"X-User-ID": user_id})
        session_id = str(reply["session_id"])
        await self.get("read session", f"/sessions/{session_id}", 200)
        return session_id

    async def prepare(self, session_id: str) -> None:
        """Fill the knowledge base and keep the session alive."""
        await self.post("index runbook", "/knowledge/documents", 201,
                        {"title": "Connection pool exhausted", "text": "Raise the limit, ..."})
        await self.post("search runbooks", "/knowledge/search", 200, {"query": "pool exhausted"})
        await self.post("heartbeat", f"/sessions/{session_id}/heartbeat", 200)

    async def investigate(self, session_id: str) -> str:
        """Lead one case through the five phases."""
        reply = await self.post("open case", "/cases", 201,
                                {"title": "Checkout answers 502", "session_id": session_id})
        case_id = str(reply["case_id"])
        await self.post("upload data", f"/cases/{case_id}/data", 201,
                        {"data_type": "log_file", "content": "GET /checkout 502\n" * 40})
        for query in QUERIES:
            await self.ask("ask the agent", case_id, query)
        await self.ask("ask again, from the cache", case_id, QUERIES[-1])
        await self.get("stream the report", f"/cases/{case_id}/report", 200)
        return case_id

    async def fail(self, session_id: str, case_id: str) -> None:
        """Everything that goes wrong in production, once."""
        await self.ask("first provider fails", case_id, "And if it happens again?", "llm")
        await self.ask("all providers fail", case_id, "Who can still answer?", "llm_all", 502)
        await self.ask("slow operation", case_id, "Show every slow query of today.", "slow")
        url = f"postgresql://admin:{self.plant('db')}@db.internal/cases"
        await self.ask("query with a password in it", case_id,
                       f"Why does {url} refuse us? password={self.plant('pw')}")
        await self.post("redis is down", f"/sessions/{session_id}/heartbeat", 503, fault="redis")
        await self.post("invalid request", "/cases", 422, {"title": "x"})
        await self.get("unknown case", "/cases/case_999999", 404)
        await self.crash()

    async def in_parallel(self) -> None:
        """Several users at once: their contexts must not mix."""
        await asyncio.gather(*(self._one_user(f"user_{number}") for number in range(1, 5)))

    async def finish(self, session_id: str, case_id: str) -> None:
        """Share and close the case, end the session and use it once more."""
        await self.get("read case", f"/cases/{case_id}", 200)
        await self.post("share case", f"/cases/{case_id}/share", 200)
        await self.post("close case", f"/cases/{case_id}/close", 200)
        await self.request("end session", "DELETE", f"/sessions/{session_id}", 204)
        await self.get("use of an ended session", f"/sessions/{session_id}", 401)
        health = await self.client.get("/health")
        self.steps.append(Step("health check", 200, health.status_code))

    async def crash(self) -> None:
        """Meet a bug; the server drops the connection afterwards, so it is not kept."""
        await self.post("crash with a cause", "/data/data_000001/analyze", 500, fault="crash",
                        headers={"Connection": "close"})

    async def ask(self, name: str, case_id: str, query: str, fault: str = "",
                  expected: int = 200) -> None:
        """Put a question to the agent."""
        await self.post(name, f"/cases/{case_id}/queries", expected, {"query": query},
                        fault=fault)

    async def post(
        self,
        name: str,
        path: str,
        expected: int,
        body: Mapping[str, object] | None = None,
        *,
        fault: str = "",
        headers: Mapping[str, str] | None = None,
    ) -> dict[str, Any]:
        """Send a POST and return the answer's object."""
        sent = {**(headers or {}), **({"X-Demo-Fault": fault} if fault else {})}
        return await self.request(name, "POST", path, expected, json=body or {}, headers=sent)

    async def get(self, name: str, path: str, expected: int) -> dict[str, Any]:
        """Send a GET and return the answer's object."""
        return await self.request(name, "GET", path, expected)

    async def request(
        self, name: str, method: str, path: str, expected: int, **rest: Any,
    ) -> dict[str, Any]:
        """Send one request and remember how it went."""
        response = await self.client.request(method, f"/api/v1{path}", **rest)
        self.steps.append(Step(name, expected, response.status_code))
        kind = response.headers.get("content-type", "")
        if response.content and kind.startswith("application/json"):
            reply: dict[str, Any] = response.json()
            return reply
        return {}

    def plant(self, kind: str) -> str:
        """Make up a secret that must not be seen in any line."""
        secret = f"{kind}-{secrets.token_hex(8)}"
        self.planted.append(secret)
        return secret

    async def _one_user(self, user_id: str) -> None:
        session_id = await self.open_session(user_id)
        reply = await self.post("open case", "/cases", 201,
                                {"title": f"Trouble of {user_id}", "session_id": session_id})
        await self.ask("ask the agent", str(reply["case_id"]), f"{user_id} asks for help.")
