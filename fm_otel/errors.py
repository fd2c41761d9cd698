"""The catalogue of error codes, and which exception means which code.

A code has a number (``SESSION_002``) and a mnemonic (``SESSION_EXPIRED``); both, and older
spellings, are accepted everywhere, the mnemonic is what records show. Applications add their own
with :func:`register_error_codes`.
"""

from __future__ import annotations

import logging
import re
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

SEVERITIES: Final = ("low", "medium", "high", "critical")

_LEVELS: Final = {
    "low": logging.WARNING,
    "medium": logging.ERROR,
    "high": logging.ERROR,
    "critical": logging.CRITICAL,
}
_WELL_FORMED: Final = re.compile(r"[A-Z][A-Z0-9_]{2,40}")


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One entry of the catalogue; ``category`` defaults to the number's prefix."""

    number: str
    mnemonic: str
    category: str = ""
    severity: str = "medium"
    http_status: int = 500
    description: str = ""
    aliases: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a code that no reader of the records could use."""
        for spelling in (self.number, self.mnemonic, *self.aliases):
            if not _WELL_FORMED.fullmatch(spelling):
                msg = f"error code {spelling!r} does not match {_WELL_FORMED.pattern}"
                raise ValueError(msg)
        if self.severity not in SEVERITIES:
            msg = f"severity of {self.mnemonic} is {self.severity!r}, not one of {SEVERITIES}"
            raise ValueError(msg)
        if not self.category:
            object.__setattr__(self, "category", self.number.rpartition("_")[0] or self.number)

    @property
    def level(self) -> int:
        """Level at which a failure with this code is logged."""
        return _LEVELS[self.severity]

    @property
    def spellings(self) -> tuple[str, ...]:
        """Every accepted spelling of this code."""
        return (self.number, self.mnemonic, *self.aliases)


def _series(category: str, *rows: tuple[int, str, str, int, str]) -> tuple[ErrorCode, ...]:
    return tuple(
        ErrorCode(f"{category}_{number:03}", names.split()[0], category, severity, status, about,
                  tuple(names.split()[1:]))
        for number, names, severity, status, about in rows
    )


CATALOGUE: Final = (
    *_series(
        "SESSION",
        (1, "SESSION_NOT_FOUND", "low", 404, "no such session"),
        (2, "SESSION_EXPIRED", "low", 401, "the session's lifetime is over"),
        (3, "SESSION_CREATION_FAILED", "high", 500, "the store refused to create the session"),
        (4, "SESSION_DELETION_FAILED", "high", 500, "the store refused to delete the session"),
        (5, "SESSION_UPDATE_FAILED", "high", 500, "the store refused to update the session"),
        (6, "SESSION_TIMEOUT", "low", 401, "the session was idle too long"),
        (7, "SESSION_INVALID", "low", 401, "the session is malformed"),
        (8, "INVALID_CLIENT_ID", "low", 400, "the client id is malformed"),
        (9, "TIMEOUT_OUT_OF_RANGE", "low", 400, "the requested timeout is out of range"),
        (10, "SESSION_MANAGEMENT_ERROR", "high", 500, "the session service failed"),
    ),
    *_series(
        "CASE",
        (1, "CASE_NOT_FOUND", "low", 404, "no such case"),
        (2, "CASE_SERVICE_ERROR", "high", 500, "the case service failed"),
        (3, "INSUFFICIENT_CONTEXT", "low", 422, "too little input to work on"),
    ),
    *_series(
        "DATA",
        (1, "DATA_UPLOAD_FAILED", "medium", 500, "the upload failed"),
        (2, "DATA_PROCESSING_FAILED DATA_PROCESSING_ERROR", "medium", 500,
         "the analysis of the data failed"),
        (3, "DATA_VALIDATION_FAILED DATA_VALIDATION_ERROR", "low", 422,
         "the data breaks its schema"),
        (4, "DATA_NOT_FOUND", "low", 404, "no such data"),
        (5, "DATA_FORMAT_UNSUPPORTED", "low", 415, "unknown data format"),
    ),
    *_series(
        "AGENT",
        (1, "AGENT_INITIALIZATION_FAILED", "high", 500, "the agent could not start"),
        (2, "AGENT_PROCESSING_FAILED AGENT_PROCESSING_ERROR", "high", 500,
         "the agent's reasoning failed"),
        (3, "AGENT_STATE_INVALID", "medium", 409, "impossible phase of the investigation"),
        (4, "AGENT_TIMEOUT", "medium", 504, "the agent took too long"),
        (5, "AGENT_QUOTA_EXCEEDED BUDGET_EXCEEDED", "medium", 429, "token or cost limit reached"),
    ),
    *_series(
        "KB",
        (1, "KB_QUERY_FAILED KNOWLEDGE_BASE_ERROR", "medium", 500,
         "the knowledge base could not be searched"),
        (2, "KB_INDEXING_FAILED", "medium", 500, "a document could not be indexed"),
        (3, "KB_UPDATE_FAILED", "medium", 500, "the knowledge base could not be updated"),
        (4, "KB_NOT_FOUND", "low", 404, "no such document"),
    ),
    *_series(
        "INFRA",
        (1, "REDIS_CONNECTION_FAILED REDIS_CONNECTION_ERROR", "high", 503,
         "Redis cannot be reached"),
        (2, "REDIS_OPERATION_FAILED", "high", 503, "a Redis command failed"),
        (3, "LLM_PROVIDER_ERROR LLM_SERVICE_ERROR", "high", 502, "the LLM provider failed"),
        (4, "LLM_RATE_LIMIT", "medium", 503, "the LLM provider throttles"),
        (5, "LLM_AUTHENTICATION_FAILED", "critical", 502, "the LLM provider refuses the key"),
        (6, "CHROMADB_ERROR", "high", 503, "the vector store failed"),
        (7, "PRESIDIO_ERROR", "high", 503, "the PII service failed"),
        (8, "CIRCUIT_BREAKER_OPEN", "high", 503, "calls are suspended by a circuit breaker"),
        (9, "SERVICE_CONNECTION_ERROR", "high", 503, "a service cannot be reached"),
    ),
    *_series(
        "SEC",
        (1, "AUTHENTICATION_FAILED", "medium", 401, "the caller could not be identified"),
        (2, "AUTHORIZATION_FAILED ACCESS_DENIED", "medium", 403, "the caller may not do this"),
        (3, "INPUT_SANITIZATION_FAILED", "medium", 400, "unsafe input"),
        (4, "RATE_LIMIT_EXCEEDED", "medium", 429, "too many requests"),
        (5, "PROTECTION_BLOCK", "medium", 429, "the request was blocked"),
        (6, "ANOMALY_DETECTED", "medium", 429, "the request was blocked as an anomaly"),
        (7, "REPUTATION_BLOCK", "high", 403, "the client was blocked by its reputation"),
        (8, "CRITICAL_RISK", "high", 403, "the client was blocked as a critical risk"),
        (9, "PROTECTION_SYSTEM_ERROR", "high", 500, "the protection system failed"),
    ),
    *_series(
        "REQ",
        (1, "VALIDATION_FAILED VALIDATION_ERROR INVALID_REQUEST NO_UPDATES", "low", 422,
         "the request is invalid"),
        (2, "RESOURCE_NOT_FOUND", "low", 404, "no such resource"),
    ),
    *_series(
        "SYS",
        (1, "INTERNAL_SERVER_ERROR INTERNAL_ERROR FAULTMAVEN_ERROR", "high", 500,
         "unexpected failure"),
        (2, ("CONFIGURATION_ERROR CONFIG_ERROR LLM_CONFIG_ERROR KNOWLEDGE_CONFIG_ERROR"
             " PROTECTION_CONFIG_ERROR SETTINGS_INIT_ERROR"), "critical", 500, "misconfigured"),
        (3, "RESOURCE_UNAVAILABLE SERVICE_UNAVAILABLE", "high", 503,
         "the service cannot answer now"),
        (4, "TIMEOUT_ERROR OPERATION_TIMEOUT TIMEOUT", "medium", 504,
         "the operation took too long"),
    ),
)
"""The built-in codes, in registry order."""

# Keys are top-level package + qualified name, so that no library has to be imported and a class
# is found wherever inside its package it lives.
_BY_TYPE_NAME: Final = {
    "builtins.TimeoutError": "TIMEOUT_ERROR",
    "builtins.ConnectionError": "SERVICE_CONNECTION_ERROR",
    "socket.gaierror": "SERVICE_CONNECTION_ERROR",
    "redis.ConnectionError": "REDIS_CONNECTION_FAILED",
    "redis.TimeoutError": "REDIS_CONNECTION_FAILED",
    "redis.RedisError": "REDIS_OPERATION_FAILED",
    "httpx.TimeoutException": "TIMEOUT_ERROR",
    "httpx.HTTPError": "SERVICE_CONNECTION_ERROR",
    "requests.Timeout": "TIMEOUT_ERROR",
    "requests.ConnectionError": "SERVICE_CONNECTION_ERROR",
    "aiohttp.ServerTimeoutError": "TIMEOUT_ERROR",
    "aiohttp.ClientConnectionError": "SERVICE_CONNECTION_ERROR",
    "openai.AuthenticationError": "LLM_AUTHENTICATION_FAILED",
    "openai.RateLimitError": "LLM_RATE_LIMIT",
    "openai.OpenAIError": "LLM_PROVIDER_ERROR",
    "anthropic.AuthenticationError": "LLM_AUTHENTICATION_FAILED",
    "anthropic.RateLimitError": "LLM_RATE_LIMIT",
    "anthropic.AnthropicError": "LLM_PROVIDER_ERROR",
    "groq.AuthenticationError": "LLM_AUTHENTICATION_FAILED",
    "groq.RateLimitError": "LLM_RATE_LIMIT",
    "groq.GroqError": "LLM_PROVIDER_ERROR",
    "chromadb.ChromaError": "CHROMADB_ERROR",
    "circuitbreaker.CircuitBreakerError": "CIRCUIT_BREAKER_OPEN",
    "pybreaker.CircuitBreakerError": "CIRCUIT_BREAKER_OPEN",
    "fastapi.RequestValidationError": "VALIDATION_FAILED",
    "pydantic_core.ValidationError": "VALIDATION_FAILED",
    "pydantic.ValidationError": "VALIDATION_FAILED",
    "pydantic_settings.SettingsError": "CONFIGURATION_ERROR",
    "jsonschema.ValidationError": "VALIDATION_FAILED",
    "faultmaven.FaultMavenException": "INTERNAL_SERVER_ERROR",
}


def _indexed(codes: Iterable[ErrorCode]) -> dict[str, ErrorCode]:
    return {spelling: code for code in codes for spelling in code.spellings}


class _Registry:
    """The tables in force; replaced whole, so readers need no lock."""

    __slots__ = ("by_name", "by_type", "lock")

    def __init__(self) -> None:
        self.by_name = _indexed(CATALOGUE)
        self.by_type: dict[type[BaseException], str] = {}
        self.lock = threading.Lock()


_registry: Final = _Registry()


def register_error_codes(
    *codes: ErrorCode,
    exceptions: Mapping[type[BaseException], ErrorCode | str] | None = None,
) -> None:
    """Add codes to the catalogue and map exception types, their subclasses included, to codes.

    A spelling that is already taken now means the new code.
    """
    with _registry.lock:
        by_name = {**_registry.by_name, **_indexed(codes)}
        mapped = {exc_type: _known(code, by_name) for exc_type, code in (exceptions or {}).items()}
        _registry.by_name = by_name
        _registry.by_type = {**_registry.by_type, **mapped}


def _known(code: ErrorCode | str, by_name: Mapping[str, ErrorCode]) -> str:
    found = by_name.get(code.mnemonic if isinstance(code, ErrorCode) else code)
    if found is None:
        msg = f"error code {code!r} is not in the catalogue: register it in the same call"
        raise ValueError(msg)
    return found.mnemonic


def error_codes() -> tuple[ErrorCode, ...]:
    """List every code of the catalogue in force, registered ones last."""
    return tuple(dict.fromkeys(_registry.by_name.values()))


def lookup(spelling: str) -> ErrorCode | None:
    """Find a code by number, mnemonic or alias."""
    return _registry.by_name.get(spelling)


def resolve(value: object) -> str | None:
    """Give the mnemonic that records show for ``value``, or None when it is no error code.

    A well-formed code that the catalogue does not know passes as it is.
    """
    if isinstance(value, ErrorCode):
        return value.mnemonic
    if not isinstance(value, str):
        return None
    spelling = str.__str__(value).strip()
    code = lookup(spelling)
    if code is not None:
        return code.mnemonic
    return spelling if _WELL_FORMED.fullmatch(spelling) else None


def category_of(mnemonic: str) -> str | None:
    """Give the category of a code, None for one the catalogue does not know."""
    code = lookup(mnemonic)
    return code.category if code else None


def code_for(exc: BaseException) -> ErrorCode | None:
    """Find the catalogue's code of an exception: its ``error_code``, else by its type."""
    mnemonic = mnemonic_for(exc)
    return lookup(mnemonic) if mnemonic else None


def mnemonic_for(exc: BaseException) -> str | None:
    """Give the mnemonic of an exception, one the catalogue does not know included."""
    return resolve(_own_code(exc)) or mnemonic_for_type(type(exc))


def _own_code(exc: BaseException) -> object:
    try:
        return getattr(exc, "error_code", None)
    except Exception:  # noqa: BLE001 - a property of the user's exception may fail
        return None


def mnemonic_for_type(exc_type: type[BaseException]) -> str | None:
    """Give the mnemonic that a type, or the nearest of its bases, is mapped to."""
    for base in exc_type.__mro__:
        mnemonic = _registry.by_type.get(base) or _BY_TYPE_NAME.get(_package_name(base))
        if mnemonic is not None:
            return mnemonic
    return None


def _package_name(exc_type: type) -> str:
    return f"{str(exc_type.__module__).partition('.')[0]}.{exc_type.__qualname__}"
