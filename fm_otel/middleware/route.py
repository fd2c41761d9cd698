"""Route templates of Starlette and FastAPI requests, read off the scope after routing."""

from __future__ import annotations

from functools import partial
from inspect import isclass, isroutine
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping


def route_template(scope: MutableMapping[str, Any], path: str) -> str | None:
    """Give the template of the matched route, prefixes and mounts included.

    The scope names only the innermost route; what stands before it in the path came from
    including routers and mounts, whose parameters are replaced by their names.
    """
    params: Mapping[str, object] = scope.get("path_params") or {}
    route = scope.get("route")
    if route is None and "endpoint" not in scope:
        return None
    if _is_mount(route) or (route is None and _is_application(scope["endpoint"])):
        return _templated(path[: _mounted(scope)], params)
    if route is None:
        return _templated(path, params)
    template = getattr(route, "path_format", None) or getattr(route, "path", None)
    return _prefixed(path, template, params) if isinstance(template, str) else None


def _is_mount(route: object) -> bool:
    return any(base.__name__ == "Mount" for base in type(route).__mro__)


def _is_application(endpoint: object) -> bool:
    """Tell what was mounted from the functions and classes that serve a route."""
    return not (isroutine(endpoint) or isclass(endpoint) or isinstance(endpoint, partial))


def _mounted(scope: MutableMapping[str, Any]) -> int:
    return len(scope.get("root_path", "")) - len(scope.get("app_root_path", ""))


def _prefixed(path: str, template: str, params: Mapping[str, object]) -> str:
    own = {name: value for name, value in params.items() if f"{{{name}}}" in template}
    # A path parameter spans as many segments more as its value has slashes.
    covered = template.count("/") + sum(str(value).count("/") for value in own.values())
    segments = path.split("/")
    prefix = "/".join(segments[: max(len(segments) - covered, 0)])
    others = {name: value for name, value in params.items() if name not in own}
    return _templated(prefix, others) + template


def _templated(path: str, params: Mapping[str, object]) -> str:
    names = {str(value): f"{{{name}}}" for name, value in params.items()}
    tail = next((text for text in names if "/" in text and path.endswith("/" + text)), None)
    if tail is not None:
        return _templated(path[: -len(tail)], params) + names[tail]
    return "/".join(names.get(segment, segment) for segment in path.split("/"))
