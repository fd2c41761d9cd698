"""What zero-code launch adds to frameworks: the middleware, and context for Celery tasks.

Nothing is imported for it: a framework is patched when, and if, the program imports it.
"""

from __future__ import annotations

import importlib
import logging
import sys
from functools import partial
from typing import TYPE_CHECKING, Final

from wrapt import register_post_import_hook

from fm_otel.integrations.patching import undo_all
from fm_otel.middleware.request import filter_access_lines

if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["install", "uninstall"]

_PATCHES: Final = {
    "starlette.applications": "fm_otel.integrations.starlette:patch_starlette",
    "fastapi.applications": "fm_otel.integrations.starlette:patch_fastapi",
    "flask.app": "fm_otel.integrations.flask:patch_flask",
    "django.core.handlers.base": "fm_otel.integrations.django:patch_base",
    "django.core.handlers.wsgi": "fm_otel.integrations.django:patch_wsgi",
    "django.core.handlers.asgi": "fm_otel.integrations.django:patch_asgi",
    "celery.signals": "fm_otel.integrations.celery:connect_signals",
}
_hooked: Final[set[str]] = set()
_patched: Final[set[str]] = set()
_log: Final = logging.getLogger("fm_otel.integrations")


class _State:
    installed = False


def install() -> None:
    """Patch the frameworks that are imported, and the others when they are; once."""
    _State.installed = True
    filter_access_lines()
    for name in _PATCHES:
        if name in sys.modules:
            _apply(name, sys.modules[name])
        elif name not in _hooked:
            _hooked.add(name)
            register_post_import_hook(partial(_apply, name), name)


def uninstall() -> None:
    """Take the patches back."""
    _State.installed = False
    undo_all()
    _patched.clear()


def _apply(name: str, module: ModuleType) -> None:
    """Patch one module; whatever goes wrong, the program's import succeeds."""
    if not _State.installed or name in _patched:
        return
    _patched.add(name)
    try:
        source, _, function = _PATCHES[name].partition(":")
        getattr(importlib.import_module(source), function)(module)
    except Exception:  # noqa: BLE001 - an import of the program must not fail
        _log.exception("%s could not be patched: no request context from it", name)
