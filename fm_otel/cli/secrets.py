"""Secrets in a line that was written: what the redactor would replace if it saw it again.

The line is searched as an object, not as text: beside each other in JSON, a harmless value and
the next key look like an assignment.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from fm_otel.redaction import RedactionError, Redactor

if TYPE_CHECKING:
    from collections.abc import Callable

_Said = TypeVar("_Said", str, dict[str, Any])
_ONLY_SHORTENED: Final = frozenset({"home_path", "package_path", "project_path"})


class SecretSearch:
    """Names the rules that find something in a line; never says what they found."""

    def __init__(self) -> None:
        self._redactor = Redactor()

    def in_line(self, line: dict[str, Any]) -> list[str]:
        """Return the rules that fire on a parsed line."""
        return self._fired(line, self._redactor.mapping)

    def in_text(self, text: str) -> list[str]:
        """Return the rules that fire on text that is no JSON object."""
        return self._fired(text, self._redactor.text)

    def _fired(self, said: _Said, redact: Callable[[_Said], _Said]) -> list[str]:
        self._redactor.counts.clear()
        try:
            clean = redact(said)
        except RedactionError as error:
            return [f"unsearched ({error})"]
        # A rule may see its own marker again and put the same in its place.
        if clean == said:
            return []
        return [rule for rule in self._redactor.counts if rule not in _ONLY_SHORTENED]
