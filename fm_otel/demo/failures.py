"""Exceptions of the demo application, in the shape FaultMaven's services use."""

from __future__ import annotations

from typing import ClassVar


class FaultMavenError(Exception):
    """A failure with a code of the catalogue; ``context`` is for the log, not for the caller."""

    error_code: ClassVar[str] = "INTERNAL_SERVER_ERROR"

    def __init__(self, message: str, **context: str | float) -> None:
        super().__init__(f"[{self.error_code}] {message}")
        self.context = context


class SessionNotFoundError(FaultMavenError):
    """There is no such session."""

    error_code = "SESSION_NOT_FOUND"


class SessionExpiredError(FaultMavenError):
    """The session is over."""

    error_code = "SESSION_EXPIRED"


class CaseNotFoundError(FaultMavenError):
    """There is no such case."""

    error_code = "CASE_NOT_FOUND"


class AuthenticationError(FaultMavenError):
    """The caller is not who he says he is."""

    error_code = "AUTHENTICATION_FAILED"


class LLMProviderError(FaultMavenError):
    """A provider did not answer, or no provider did."""

    error_code = "LLM_PROVIDER_ERROR"


class RedisConnectionError(Exception):
    """The session store cannot be reached. Carries no code: its type is registered with one."""
