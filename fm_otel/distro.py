"""The startup door of ``opentelemetry-instrument``: defaults, assembly, and which
instrumentations are declined.
"""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.instrumentation.distro import BaseDistro

from fm_otel import configurator
from fm_otel.settings import to_stderr

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

_DEFAULTS: Final = {
    # Each of these would write every record a second time.
    "OTEL_PYTHON_LOG_AUTO_INSTRUMENTATION": "false",
    "FASTAPI_OTEL_AUTO_CONFIGURE": "false",
}
_DECLINED: Final = frozenset({"logging", "structlog", "exceptions"})
"""Instrumentations whose work the hook does; beside it they would double or change records."""

_LOADER: Final = "opentelemetry.instrumentation.auto_instrumentation._load"


class FaultMavenDistro(BaseDistro):  # type: ignore[misc]  # untyped upstream
    """Environment defaults only; what is set stays."""

    def _configure(self, **kwargs: Any) -> None:  # noqa: ARG002 - upstream's signature
        for name, value in _DEFAULTS.items():
            os.environ.setdefault(name, value)
        # It warns of each distribution that is installed but not chosen.
        logging.getLogger(_LOADER).setLevel(logging.ERROR)

    def load_instrumentor(self, entry_point: EntryPoint, **kwargs: Any) -> None:
        """Load an instrumentation unless the hook replaces it; one that fails is reported."""
        if entry_point.name in _DECLINED or _would_take_settings(entry_point.name):
            return
        try:
            super().load_instrumentor(entry_point, **kwargs)
        except ImportError:
            raise
        except Exception as error:  # noqa: BLE001 - the others and the program go on
            to_stderr(f"instrumentation {entry_point.name!r} failed "
                      f"({type(error).__name__}: {error}), it is left out")


def _would_take_settings(name: str) -> bool:
    """Return whether an instrumentation would put empty settings before the program's own.

    Without the variable contrib's configures Django itself, and a ``manage.py`` or
    ``settings.configure()`` that comes after the launch is too late.
    """
    return name == "django" and not os.environ.get("DJANGO_SETTINGS_MODULE")


class FaultMavenConfigurator:
    """Starts the engine and everything beside it."""

    def configure(self, **kwargs: Any) -> None:  # noqa: ARG002 - upstream's signature
        """Assemble; whatever fails, the program runs."""
        launch()


def launch() -> None:
    """Start the engine and add what frameworks need; never raises."""
    try:
        configurator.start()
    except Exception as error:  # noqa: BLE001 - the program comes first
        to_stderr(f"could not start ({type(error).__name__}: {error})")


def pre_instrument() -> None:
    """Complete the log side where another distribution was chosen by the launcher."""
    if configurator.running() is not None:
        return
    launch()
    to_stderr("another distribution was chosen; set OTEL_PYTHON_DISTRO=fm_otel and "
              "OTEL_PYTHON_CONFIGURATOR=fm_otel to select this one")
