"""Patches that can be taken back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_undo: Final[list[Callable[[], None]]] = []


def patch(owner: type, name: str, wrap: Callable[[Any], Any]) -> None:
    """Replace a method by ``wrap(method)``, until :func:`undo_all`."""
    original = vars(owner)[name]
    wrapped = wrap(original)
    setattr(owner, name, wrapped)

    def undo() -> None:
        # Whoever patched on top of us keeps calling us; that is theirs to take back.
        if vars(owner).get(name) is wrapped:
            setattr(owner, name, original)

    _undo.append(undo)


def connect(signal: Any, receiver: Callable[..., None]) -> None:
    """Connect to a framework's signal, until :func:`undo_all`."""
    signal.connect(receiver, weak=False)
    _undo.append(lambda: signal.disconnect(receiver))


def undo_all() -> None:
    """Take every patch back, the last one first."""
    while _undo:
        _undo.pop()()
