"""Exceptions of the demo application, in the shape FaultMaven's services use."""

from __future__ import annotations


class FaultMavenError(Exception):
    """A failure with a code of the catalogue; ``context`` is for the log, not for the caller."""

    def __init__(self, error_code: str, message: str, **context: str | float) -> None:
        super().__init__(f"[{error_code}] {message}")
        self.error_code = error_code
        self.message = message
        self.context = context


class RedisConnectionError(Exception):
    """The session store cannot be reached. Carries no code: its type is registered with one."""


class LLMProviderError(FaultMavenError):
    """A provider did not answer, or no provider did."""

    def __init__(self, message: str, **context: str | float) -> None:
        super().__init__("LLM_PROVIDER_ERROR", message, **context)
