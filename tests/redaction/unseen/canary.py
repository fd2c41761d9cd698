"""A program that puts a secret everywhere a record, a span or a diagnostic can carry one.

Every secret holds the word ``cnry``; the test searches what leaves the process for it.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
import warnings
from typing import Any

log = logging.getLogger("canary")


class Settings:
    """Repr and slots as settings objects have them."""

    def __init__(self) -> None:
        self.db_password = "cnry30Xk7Qp"

    def __repr__(self) -> str:
        return f"Settings(host='db', db_password={self.db_password!r})"


class Unprintable:
    """Fails with a secret in its own error."""

    def __str__(self) -> str:
        raise RuntimeError("no text for password=cnry31Xk7Qp")

    __repr__ = __str__


class Finalised:
    """Fails where nobody can catch it."""

    def __del__(self) -> None:
        raise RuntimeError("closing redis://:cnry32Xk7Qp@cache:6379/0")


def messages() -> None:
    log.info("place-01 password=cnry01Xk7Qp user=bob")
    log.info("place-02 %s", "password: cnry02Xk7Qp")
    log.info("place-03 %(password)s", {"password": "password=cnry03Xk7Qp"})
    log.info("place-04 postgres://app:cnry04Xk7Qp@db:5432/app")
    log.warning("place-05 GET https://api.example.com/v1?api_key=cnry05Xk7QpZz91")
    log.error("place-06 curl -H 'Authorization: Bearer cnry06Xk7QpZz91abcdEF' https://x")
    log.info("place-07 %s and %s", "secret=cnry07Xk7Qp")  # noqa: PLE1206 - wrong on purpose
    log.info("place-08 password=%d", "cnry08Xk7Qp")
    log.info("place-09 %s", Unprintable())
    log.info("place-10 %s", Settings())


def extras() -> None:
    log.info("place-11", extra={"password": "cnry11Xk7Qp"})
    log.info("place-12", extra={"request": {"headers": {"authorization": "Bearer cnry12Xk7QpZz91"}}})
    log.info("place-13", extra={"rows": [{"api_key": "cnry13Xk7QpZz91ab"}, "token=cnry13Xk7QpZz91ab"]})
    log.info("place-14", extra={"seen": {"password=cnry14Xk7Qp": 1}})
    log.info("place-15", extra={"raw": b"password=cnry15Xk7Qp", "unordered": {"secret=cnry15Xk7QpZz91"}})
    log.info("place-16", extra={"body": '{"client_secret": "cnry16Xk7QpZz91ab"}'})
    log.info("place-17", extra={"settings": Settings(), "odd": Unprintable()})
    log.info("place-18", extra={"operation": "x ghp_cnry18Xk7QpZz91abcdEFghIJklMNopQRst", "event": "sk_live_cnry18Xk7QpZz91abcdEF"})
    log.info("place-19", extra={"http": {"path": "/reset?token=cnry19Xk7QpZz91ab", "method": "GET"}})
    log.info("place-20", extra={"error": {"type": "E", "message": "password=cnry20Xk7Qp", "stack_trace": "pwd=cnry20Xk7Qp"}})


def exceptions() -> None:
    try:
        try:
            raise KeyError({"password": "cnry40Xk7Qp"})
        except KeyError as error:
            error.add_note("tried with password=cnry41Xk7Qp")
            raise ValueError("dsn mysql://a:cnry42Xk7Qp@db/x", "password=cnry42Xk7Qp") from error
    except ValueError:
        log.exception("place-40 failed with password=cnry43Xk7Qp")
    try:
        raise ExceptionGroup("many: token=cnry44Xk7QpZz91ab", [OSError("password=cnry44Xk7Qp")])
    except ExceptionGroup:
        log.error("place-44", exc_info=True, stack_info=True)
    try:
        compile("password = 'cnry45Xk7Qp' +", "settings.py", "exec")
    except SyntaxError:
        log.exception("place-45")
    try:
        raise Bad("x")
    except Bad:
        log.exception("place-46")


class Bad(Exception):
    def __str__(self) -> str:
        return "api_key=cnry46Xk7QpZz91ab"


def context(fm_otel: Any) -> None:
    with fm_otel.bound_context(tenant="password=cnry50Xk7Qp", session_id="password=cnry50Xk7Qp", user_id="bob"):
        log.info("place-50")
    fm_otel.audit("login", outcome="success", password="cnry51Xk7Qp", note="token=cnry51Xk7QpZz91ab", case_id="c1")
    try:
        with fm_otel.LogContext(log, "work", dsn="amqp://a:cnry52Xk7Qp@mq/"):
            raise RuntimeError("amqp://a:cnry52Xk7Qp@mq/ refused")
    except RuntimeError:
        pass


def spans() -> None:
    from opentelemetry import trace
    from opentelemetry.trace import Link, SpanContext, TraceFlags

    tracer = trace.get_tracer("canary")
    link = Link(SpanContext(1, 2, True, TraceFlags(1)), {"note": "password=cnry60Xk7Qp"})
    with tracer.start_as_current_span("place-60", links=[link]) as span:
        span.set_attribute("url.full", "https://u:cnry61Xk7Qp@api.example.com/x?token=cnry61Xk7QpZz91ab")
        span.set_attribute("db.query.text", "ALTER USER a PASSWORD 'cnry62Xk7Qp'")
        span.set_attribute("http.request.header.authorization", ["Bearer cnry63Xk7QpZz91ab"])
        span.add_event("retry", {"db.password": "cnry64Xk7Qp"})
        span.record_exception(ValueError("password=cnry65Xk7Qp"))
        span.set_status(trace.Status(trace.StatusCode.ERROR, "pwd=cnry66Xk7Qp"))
    with tracer.start_as_current_span("GET /x?password=cnry67Xk7Qp"):
        log.info("place-67")


def logs_api() -> None:
    from opentelemetry._logs import LogRecord, SeverityNumber, get_logger

    get_logger("canary.api").emit(LogRecord(
        timestamp=1, severity_number=SeverityNumber.INFO,
        body={"place-70": {"password": "cnry70Xk7Qp"}},
        attributes={"header": "Authorization: Basic c3ZjOmNucnk3MVhrN1Fw", "exception.message": "secret=cnry71Xk7QpZz91"},
    ))


def hooks() -> None:
    warnings.warn("place-80 password=cnry80Xk7Qp", stacklevel=1)
    thread = threading.Thread(target=lambda: 1 / int("password=cnry81Xk7Qp"))
    thread.start()
    thread.join()
    del_me = Finalised()
    del del_me
    gc.collect()

    async def never_read() -> None:
        async def failing() -> None:
            raise RuntimeError("password=cnry82Xk7Qp")

        task = asyncio.ensure_future(failing())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        del task

    asyncio.run(never_read())
    gc.collect()


def requests() -> None:
    from fm_otel.middleware import RequestContextMiddleware

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith("/fail"):
            raise RuntimeError("password=cnry91Xk7Qp")
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def call(path: str) -> None:
        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": b""}

        async def send(message: dict[str, Any]) -> None:
            pass

        scope = {
            "type": "http", "method": "GET", "path": path, "query_string": b"token=cnry90Xk7QpZz91ab", "scheme": "http",
            "headers": [(b"cookie", b"sid=cnry90Xk7QpZz91ab"), (b"x-session-id", b"ghp_cnry90Xk7QpZz91abcdEFghIJklMNopQRstUV"),
                        (b"x-correlation-id", b"password=cnry90Xk7Qp")],
            "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
        }
        try:
            await RequestContextMiddleware(app)(scope, receive, send)
        except RuntimeError:
            pass

    asyncio.run(call("/reset/ghp_cnry92Xk7QpZz91abcdEFghIJklMNopQRstUV"))
    asyncio.run(call("/fail"))


def main() -> None:
    import fm_otel

    handle = fm_otel.configure()
    logging.captureWarnings(True)
    messages()
    extras()
    exceptions()
    context(fm_otel)
    spans()
    logs_api()
    hooks()
    requests()
    handle.force_flush(3000)
    log.info("place-99")
    if "crash" in sys.argv:
        raise RuntimeError("password=cnry99Xk7Qp")


if __name__ == "__main__":
    main()
