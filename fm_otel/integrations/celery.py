"""Celery: a task runs in the context of who published it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fm_otel import settings, spans
from fm_otel.context import close_request, get_request_context, open_request
from fm_otel.fields import ID_FIELDS
from fm_otel.headers import correlation_id_in, fields_in, valid_id
from fm_otel.integrations.patching import connect

if TYPE_CHECKING:
    from types import ModuleType

    from fm_otel.spans import Header

_HEADER: Final = "fm_otel_context"
_OPENED: Final = "fm_otel_opened"


def connect_signals(signals: ModuleType) -> None:
    """Send the context along with every task and open it around every run."""
    connect(signals.before_task_publish, _send_context)
    connect(signals.task_prerun, _enter)
    connect(signals.task_postrun, _leave)


def _send_context(headers: dict[str, Any] | None = None, **_: object) -> None:
    fields = get_request_context()
    if headers is not None and fields:
        headers[_HEADER] = fields


def _enter(task_id: str, task: Any, **_: object) -> None:
    fields = {**_received(task.request), "task_id": task_id, "task_name": task.name}
    if "correlation_id" not in fields:
        fields["correlation_id"] = task_id
    setattr(task.request, _OPENED, open_request(fields))


def _leave(task: Any, **_: object) -> None:
    opened = getattr(task.request, _OPENED, None)
    if opened is not None:
        delattr(task.request, _OPENED)
        close_request(opened)


def _received(request: Any) -> dict[str, object]:
    """Give the publisher's context; an eager task has its caller's."""
    if request.is_eager:
        return dict(get_request_context())
    header = _header_reader(request)
    fields: dict[str, object] = {**fields_in(header, settings.active().propagate)}
    correlation_id = correlation_id_in(header) or spans.incoming_trace_id(header)
    if correlation_id is not None:
        fields["correlation_id"] = correlation_id
    sent = getattr(request, _HEADER, None)
    return {**fields, **(_valid(sent) if isinstance(sent, dict) else {})}


def _valid(sent: dict[str, object]) -> dict[str, object]:
    return {
        field: value
        for field, value in sent.items()
        if field not in ID_FIELDS or valid_id(str(value)) or field == "user_id"
    }


def _header_reader(request: Any) -> Header:
    def header(name: str) -> str | None:
        value = getattr(request, name, None)
        return value if isinstance(value, str) else None

    return header
