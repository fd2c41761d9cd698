"""The demo FaultMaven API: ``uvicorn fm_otel.demo.app:app``.

Header ``X-Demo-Fault`` makes a request fail in a chosen way: ``llm`` (first provider refuses),
``llm_all``, ``redis``, ``slow``, ``crash``.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Final

import httpx
from fastapi import APIRouter, FastAPI, Header, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, StreamingResponse
from pydantic import BaseModel, Field

from fm_otel import (
    LogContext,
    audit,
    get_logger,
    register_error_codes,
    update_request_context,
)
from fm_otel.demo.agent import Agent
from fm_otel.demo.failures import AuthenticationError, FaultMavenError, RedisConnectionError
from fm_otel.demo.llm import Router, complete
from fm_otel.demo.store import Case, Store, ping_redis
from fm_otel.errors import code_for

logger = get_logger("faultmaven.api")
register_error_codes(exceptions={RedisConnectionError: "REDIS_CONNECTION_FAILED"})

store: Final = Store()
api: Final = APIRouter(prefix="/api/v1")

Fault = Annotated[str, Header(alias="X-Demo-Fault")]
_BROKEN: Final = {
    "llm": frozenset({"fireworks"}),
    "llm_all": frozenset({"fireworks", "openai", "anthropic"}),
}


class Login(BaseModel):
    """Credentials."""

    username: str
    password: str


class NewCase(BaseModel):
    """What a case starts with."""

    title: str = Field(min_length=3)
    session_id: str


class Query(BaseModel):
    """A question to the agent."""

    query: str = Field(min_length=1)


class Upload(BaseModel):
    """Evidence for a case."""

    data_type: str
    content: str


class Document(BaseModel):
    """A runbook."""

    title: str
    text: str


class Prompt(BaseModel):
    """What a provider is asked."""

    prompt: str
    fail: bool = False


@api.post("/auth/login")
async def login(credentials: Login) -> dict[str, str]:
    """Let the one user with the right password in."""
    if credentials.password != "correct horse":
        logger.warning("Login refused for %s with password=%s",
                       credentials.username, credentials.password)
        audit("login_failed", outcome="failure", category="authentication",
              actor=credentials.username, reason="wrong password")
        msg = "unknown user or wrong password"
        raise AuthenticationError(msg)
    audit("login", outcome="success", category="authentication", actor=credentials.username)
    return {"user_id": credentials.username}


@api.post("/sessions", status_code=201)
async def create_session(user_id: Annotated[str, Header(alias="X-User-ID")] = "user_789",
                         ) -> dict[str, str]:
    """Open a session."""
    session = store.add_session(user_id)
    update_request_context(session_id=session.session_id, user_id=user_id)
    logger.info("Session created")
    return {"session_id": session.session_id}


@api.get("/sessions/{session_id}")
async def read_session(session_id: str) -> dict[str, str]:
    """Show a session."""
    session = store.session(session_id)
    update_request_context(session_id=session.session_id, user_id=session.user_id)
    return {"session_id": session.session_id, "user_id": session.user_id}


@api.post("/sessions/{session_id}/heartbeat")
async def heartbeat(session_id: str, fault: Fault = "") -> dict[str, int]:
    """Keep a session alive."""
    session = store.session(session_id)
    update_request_context(session_id=session.session_id, user_id=session.user_id)
    if fault == "redis":
        with LogContext(logger, "heartbeat"):
            await ping_redis()
    session.heartbeats += 1
    logger.debug("Heartbeat %d", session.heartbeats)
    return {"heartbeats": session.heartbeats}


@api.delete("/sessions/{session_id}", status_code=204)
async def end_session(session_id: str) -> None:
    """End a session; later use of its id is refused as expired."""
    session = store.session(session_id)
    update_request_context(session_id=session.session_id, user_id=session.user_id)
    session.expired = True
    logger.info("Session ended", extra={"heartbeats": session.heartbeats})


@api.post("/cases", status_code=201)
async def create_case(new: NewCase) -> dict[str, str]:
    """Open a case."""
    session = store.session(new.session_id)
    case = store.add_case(new.title, session.session_id)
    _bind(case)
    logger.info("Case opened", extra={"title": case.title})
    return {"case_id": case.case_id}


@api.get("/cases/{case_id}")
def read_case(case_id: str) -> dict[str, str]:
    """Show a case; a plain function, so that it runs in a worker thread."""
    case = store.case(case_id)
    _bind(case)
    logger.info("Case read")
    return {"case_id": case.case_id, "status": case.status, "phase": case.phase}


@api.post("/cases/{case_id}/queries")
async def query_case(case_id: str, asked: Query, request: Request, fault: Fault = "",
                     ) -> dict[str, object]:
    """Put a question to the agent: one step of the investigation."""
    case = store.case(case_id)
    _bind(case)
    agent: Agent = request.app.state.agent
    answer = await agent.process(case, asked.query, _own_url(request),
                                 broken=_BROKEN.get(fault, frozenset()), slow=fault == "slow")
    return {"answer": answer.text, "phase": case.phase, "tokens_used": answer.tokens_used,
            "cache_hit": answer.cache_hit}


@api.post("/cases/{case_id}/data", status_code=201)
async def upload_data(case_id: str, upload: Upload) -> dict[str, str]:
    """Attach evidence."""
    case = store.case(case_id)
    _bind(case)
    with LogContext(logger, "process_data", data_type=upload.data_type) as ctx:
        data_id = store.add_data(case)
        ctx.set(data_id=data_id, size_bytes=len(upload.content.encode()))
    return {"data_id": data_id}


@api.get("/cases/{case_id}/report")
async def report(case_id: str, request: Request) -> StreamingResponse:
    """Stream the report."""
    case = store.case(case_id)
    _bind(case)
    agent: Agent = request.app.state.agent
    return StreamingResponse(agent.stream(case), media_type="text/plain")


@api.post("/cases/{case_id}/share")
async def share_case(case_id: str) -> dict[str, str]:
    """Share a case with the team."""
    case = store.case(case_id)
    _bind(case)
    audit("case_shared", outcome="success", category="data_access",
          actor=store.session(case.session_id).user_id, resource=case.case_id)
    return {"case_id": case.case_id}


@api.post("/cases/{case_id}/close")
async def close_case(case_id: str) -> dict[str, str]:
    """Close a case."""
    case = store.case(case_id)
    _bind(case)
    case.status = "closed"
    logger.info("Case closed", extra={"case_status": case.status})
    return {"case_id": case.case_id, "status": case.status}


@api.post("/data/{data_id}/analyze")
async def analyze(data_id: str, fault: Fault = "") -> dict[str, str]:
    """Analyze evidence; the fault ``crash`` is a bug nobody caught."""
    with LogContext(logger, "analyze_data", data_id=data_id):
        if fault == "crash":
            _parse_broken_dump()
        return {"data_id": data_id, "result": "nothing unusual"}


@api.post("/knowledge/documents", status_code=201)
async def add_document(document: Document) -> dict[str, str]:
    """Put a runbook into the knowledge base."""
    with LogContext(logger, "index_runbook", collection="runbooks") as ctx:
        document_id = store.add_document(document.title)
        ctx.set(document_id=document_id)
    return {"document_id": document_id}


@api.post("/knowledge/search")
async def search(asked: Query) -> dict[str, object]:
    """Search the runbooks."""
    with LogContext(logger, "search_runbooks", collection="runbooks") as ctx:
        words = asked.query.lower().split()
        found = [key for key, title in store.documents.items()
                 if any(word in title.lower() for word in words)]
        ctx.set(results=len(found))
    return {"documents": found}


def create_app() -> FastAPI:
    """Assemble the API."""
    created = FastAPI(title="FaultMaven demo", version="1.0.0", lifespan=lifespan)
    created.include_router(api)
    created.add_api_route("/health", health, methods=["GET"])
    created.add_api_route("/providers/{provider}/chat", chat, methods=["POST"])
    created.add_exception_handler(FaultMavenError, on_failure)
    created.add_exception_handler(RedisConnectionError, on_failure)
    created.add_exception_handler(RequestValidationError, on_invalid)
    return created


@asynccontextmanager
async def lifespan(created: FastAPI) -> AsyncIterator[None]:
    """Give the application one HTTP client for its whole life."""
    async with httpx.AsyncClient(timeout=10) as client:
        created.state.agent = Agent(Router(client))
        yield


async def health() -> dict[str, str]:
    """Answer the load balancer."""
    return {"status": "healthy"}


async def chat(provider: str, prompt: Prompt) -> dict[str, object]:
    """Be an LLM provider."""
    return complete(provider, prompt.prompt, fail=prompt.fail)


async def on_failure(_request: Request, exc: Exception) -> JSONResponse:
    """Answer a known failure with its code's status, and say so at its code's level."""
    code = code_for(exc)
    if code is None:
        raise exc
    context = exc.context if isinstance(exc, FaultMavenError) else {}
    # What the caller did wrong needs a code; what broke here needs its stack too.
    broken = exc if code.level >= logging.ERROR else None
    logger.log(code.level, "Request failed: %s", code.description, exc_info=broken,
               extra={**context, "error_code": code.mnemonic})
    return JSONResponse({"error_code": code.mnemonic, "detail": code.description},
                        status_code=code.http_status)


async def on_invalid(_request: Request, exc: Exception) -> JSONResponse:
    """Answer an invalid request, naming its bad fields and never their values."""
    problems = exc.errors() if isinstance(exc, RequestValidationError) else []
    fields = [".".join(str(part) for part in problem["loc"]) for problem in problems]
    logger.warning("Request refused: %d invalid fields", len(fields),
                   extra={"error_code": "VALIDATION_FAILED", "fields": fields})
    return JSONResponse({"error_code": "VALIDATION_FAILED", "fields": fields}, status_code=422)


def _bind(case: Case) -> None:
    """Put the case into the request context once; every later record of the request has it."""
    session = store.session(case.session_id)
    update_request_context(session_id=session.session_id, user_id=session.user_id,
                           investigation_id=case.case_id, case_id=case.case_id)
    if case.phase:
        update_request_context(agent_phase=case.phase)


def _own_url(request: Request) -> str:
    """Return where this server listens, taken from the socket and not from a header."""
    host, port = request.scope["server"]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def _parse_broken_dump() -> None:
    dump: dict[str, str] = {"kind": "heap"}
    try:
        dump["frames"]
    except KeyError as error:
        msg = "memory dump has no frames"
        raise ValueError(msg) from error


app: Final = create_app()
