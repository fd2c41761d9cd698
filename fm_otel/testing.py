"""A pytest plugin: the fixture ``fm_logs`` holds the log lines a test has made.

Installing the package is enough; pytest finds the plugin by its entry point. Nothing but pytest
is imported, and nothing is configured, until a test asks for the fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class CapturedLogs:
    """The lines written since the fixture was set up, as text and as objects."""

    def __init__(self, read: Callable[[], list[bytes]]) -> None:
        self._read = read

    @property
    def lines(self) -> list[str]:
        """Return the JSON lines, oldest first."""
        return [line.decode() for line in self._read()]

    @property
    def records(self) -> list[dict[str, Any]]:
        """Return the lines as parsed objects, oldest first."""
        import json

        return [json.loads(line) for line in self._read()]

    def assert_schema(self) -> None:
        """Fail when a line breaks the published schema, naming line and reason."""
        from fm_otel.schema import check

        findings = [
            f"line {number}: {finding}"
            for number, record in enumerate(self.records, start=1)
            for finding in check(record)
        ]
        __tracebackhide__ = True
        if findings:
            raise AssertionError("\n".join(findings))

    def assert_no_secrets(self) -> None:
        """Fail when a line holds a secret, naming line and rule but never the secret."""
        from fm_otel.cli.secrets import SecretSearch

        search = SecretSearch()
        findings = [
            f"line {number}: {rule}"
            for number, record in enumerate(self.records, start=1)
            for rule in search.in_line(record)
        ]
        __tracebackhide__ = True
        if findings:
            raise AssertionError("\n".join(findings))


@pytest.fixture
def fm_logs() -> Iterator[CapturedLogs]:
    """Capture every record of the test, redacted and encoded as in production."""
    from fm_otel.configurator import memory_engine

    with memory_engine() as engine:
        yield CapturedLogs(engine.lines)
