"""File paths: home directories lose the user, project and package paths become relative."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final

from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_HOME: Final = re.compile(
    r"(?:/mnt/[a-z])?/(?:home|Users)/(?!Shared/|Public/)[A-Za-z0-9._@-]{1,64}"
    r"(?=/[\w.~+@-]|/?[\"'])"
    r"|/root(?=/[\w.~+@-])"
    r"|[A-Za-z]:(?:\\{1,2}|/)Users(?:\\{1,2}|/)(?!Public\b)[^\\/:*?\"<>|\n]{1,64}"
    r"(?=(?:\\{1,2}|/)[\w.~+@-])"
)
_PACKAGES: Final = re.compile(
    r"(?:~|[A-Za-z]:|/)?[\w.+@/\\ -]{0,200}?[/\\](?:site|dist)-packages[/\\]"
)
_STDLIB: Final = re.compile(r"/[\w.+@/-]{0,200}?/lib(?:64)?/(?=python3\.\d+/)")
ANCHORS: Final = ("/home/", "/Users/", "\\Users\\", "/root/", ":/Users/", "-packages")


def home_spans(text: str) -> Iterator[Span]:
    """Yield home directories with ``~`` in their place."""
    for match in _HOME.finditer(text):
        if _is_file_path(text, match.start()):
            yield Span(match.start(), match.end(), "home_path", "~")


def package_spans(text: str) -> Iterator[Span]:
    """Yield what stands before an installed package's own path."""
    for found in re.finditer(r"[/\\](?:site|dist)-packages[/\\]", text):
        start = found.start()
        while (
            start > 0
            and start > found.start() - 200
            and (text[start - 1].isalnum() or text[start - 1] in "._+@/\\-~:")
        ):
            start -= 1
        if text[start : start + 1] in ("/", "~") or text[start + 1 : start + 2] == ":":
            yield Span(start, found.end(), "package_path", "")


def stdlib_spans(text: str) -> Iterator[Span]:
    """Yield the installation prefix of the interpreter's own modules."""
    for match in _STDLIB.finditer(text):
        if _is_file_path(text, match.start()):
            yield Span(match.start(), match.end(), "package_path", "")


def project_spans(text: str, root: str) -> Iterator[Span]:
    """Yield ``root``, the directory of the project, where a path starts with it."""
    at = text.find(root)
    while at >= 0:
        if _is_file_path(text, at) and text[at + len(root) : at + len(root) + 1].strip():
            yield Span(at, at + len(root), "project_path", "")
        at = text.find(root, at + len(root))


def project_root() -> str:
    """Return the working directory as a prefix, ``""`` where it is too short to mean anything."""
    try:
        root = os.getcwd()  # noqa: PTH109 - no need for a Path
    except OSError:
        return ""
    return (
        root.rstrip(os.sep) + os.sep
        if root.count(os.sep) >= 1 and len(root) > 3 and root != sys.prefix
        else ""
    )


def _is_file_path(text: str, start: int) -> bool:
    """Tell whether a path starts here: not inside a longer path, a URL or a request line."""
    before = text[max(0, start - 8) : start]
    if not before:
        return True
    if before[-1].isalnum() or before[-1] in "._-/\\}])":
        return before.endswith("file://")
    return not before.endswith(("GET ", "POST ", "PUT ", "HEAD ", "PATCH ", "DELETE ", "OPTIONS "))
