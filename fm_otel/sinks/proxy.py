"""Which HTTP proxy stands before a receiver: ``http_proxy`` and its kin, read as upstream does."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_PORT: Final = 80


@dataclass(frozen=True, slots=True)
class Proxy:
    """An HTTP proxy. ``headers`` are for the proxy alone and may hold credentials."""

    host: str
    port: int
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @classmethod
    def before(
        cls, url: str, environ: Mapping[str, str], report: Callable[[str], None]
    ) -> Proxy | None:
        """Return the proxy that requests to ``url`` go through, None when they go straight.

        A proxy that cannot be used is one line through ``report``, without its credentials.
        """
        parts = urlsplit(url)
        variable, text = _choice(parts.scheme, environ)
        if not text or _excepted(parts, _read("no_proxy", environ)[1]):
            return None
        try:
            return cls._of(urlsplit(text if "://" in text else f"http://{text}"))
        except ValueError:  # whose text may hold a part of a password
            report(f"{variable}: not the http:// URL of a proxy; it is not used")
            return None

    @classmethod
    def _of(cls, parts: SplitResult) -> Proxy:
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError
        headers: tuple[tuple[str, str], ...] = ()
        if parts.username is not None:
            headers = (("Proxy-Authorization", basic(parts)),)
        return cls(parts.hostname, parts.port or _PORT, headers)


def basic(parts: SplitResult) -> str:
    """Return the value of an authorization header for the user and password of a URL."""
    pair = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    return "Basic " + base64.b64encode(pair.encode()).decode()


def _choice(scheme: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable for a scheme, else the one for all, with its value."""
    own = _read(f"{scheme}_proxy", environ)
    return own if own[1] else _read("all_proxy", environ)


def _read(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return variable and value; the lower-case spelling wins, also when it is empty."""
    if name in environ:
        return name, environ[name].strip()
    upper = name.upper()
    if upper == "HTTP_PROXY" and "REQUEST_METHOD" in environ:
        return upper, ""  # under CGI it is what the client sent as header "Proxy"
    return upper, environ.get(upper, "").strip()


def _excepted(parts: SplitResult, exceptions: str) -> bool:
    """Return whether a receiver is named by ``no_proxy``: its name, a domain, an address range."""
    host = parts.hostname or ""
    names = (host, f"{host}:{parts.port}")
    for entry in exceptions.lower().replace(" ", "").split(","):
        domain = entry.removeprefix("*").lstrip(".")
        if entry == "*" or (domain and any(_within(name, domain) for name in names)):
            return True
        if "/" in entry and _in_network(host, entry):
            return True
    return False


def _within(name: str, domain: str) -> bool:
    return name == domain or name.endswith(f".{domain}")


def _in_network(host: str, network: str) -> bool:
    try:
        return ip_address(host) in ip_network(network, strict=False)
    except ValueError:
        return False
