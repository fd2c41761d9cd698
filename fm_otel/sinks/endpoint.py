"""Where OTLP logs go: the ``OTEL_EXPORTER_OTLP_*`` variables as one validated value."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import SplitResult, unquote, urlsplit

from fm_otel.sinks.proxy import Proxy, basic

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

GRPC: Final = "grpc"
HTTP: Final = "http/protobuf"
GRPC_PORT: Final = 4317
DEFAULT_TIMEOUT: Final = 10.0
LOGS_PATH: Final = "/v1/logs"

_PREFIX: Final = "OTEL_EXPORTER_OTLP_"
_TRUE: Final = frozenset({"true", "1", "yes", "on"})
_HEADER_NAME: Final = re.compile(r"[-!#$%&'*+.^_`|~0-9a-z]+")
_HEADER_VALUE: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
_COMPRESSIONS: Final = {HTTP: ("none", "gzip", "deflate"), GRPC: ("none", "gzip")}


@dataclass(frozen=True, slots=True)
class OtlpEndpoint:
    """A receiver of OTLP logs and how to talk to it.

    ``target`` is the full URL for http/protobuf, the gRPC target for grpc. ``timeout`` is in
    seconds. ``shown`` is the address without credentials, for people to read. ``proxy`` stands
    before it for http/protobuf; gRPC looks for one itself.
    """

    protocol: str
    target: str
    insecure: bool
    shown: str
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    timeout: float = DEFAULT_TIMEOUT
    compression: str = "none"
    certificate: str | None = None
    client_key: str | None = None
    client_certificate: str | None = None
    proxy: Proxy | None = None

    @classmethod
    def from_environ(
        cls,
        environ: Mapping[str, str],
        report: Callable[[str], None],
        *,
        asked_for: bool = False,
    ) -> OtlpEndpoint | None:
        """Return the endpoint the environment names, None when it names none.

        Every bad value is one line through ``report``: variable, value, what is used instead.
        The variables of the logs signal beat the general ones. ``asked_for``: the exporter was
        chosen by name, so without an endpoint the specification's default on this host is meant.
        """
        return _Reader(environ, report).endpoint(asked_for=asked_for)


@dataclass(frozen=True, slots=True)
class _Reader:
    environ: Mapping[str, str]
    report: Callable[[str], None]

    def endpoint(self, *, asked_for: bool) -> OtlpEndpoint | None:
        for variable in _spellings("ENDPOINT"):
            text = self.environ.get(variable, "").strip()
            if not text:
                continue
            try:
                return self._build(variable, text)
            except ValueError as error:
                self.report(f"{variable}={_without_userinfo(text)!r}: {error}; it is not used")
                asked_for = False
        return self._build(_PREFIX + "ENDPOINT", self._default()) if asked_for else None

    def _default(self) -> str:
        grpc = (self._value("PROTOCOL")[1] or "").lower() == GRPC
        return "http://localhost:4317" if grpc else "http://localhost:4318"

    def _build(self, variable: str, text: str) -> OtlpEndpoint:
        parts = split(text)
        protocol = self._protocol(protocol_by_port(parts))
        proxy = None
        if protocol == GRPC:
            target, insecure = self._grpc_target(text, parts)
        else:
            target, insecure = _http_url(variable, parts), parts.scheme == "http"
            proxy = Proxy.before(target, self.environ, self.report)
        return OtlpEndpoint(
            protocol=protocol,
            target=target,
            insecure=insecure,
            shown=target,
            headers=self._headers(parts),
            timeout=self._timeout(),
            compression=self._compression(protocol),
            certificate=self._value("CERTIFICATE")[1],
            client_key=self._value("CLIENT_KEY")[1],
            client_certificate=self._value("CLIENT_CERTIFICATE")[1],
            proxy=proxy,
        )

    def _value(self, name: str) -> tuple[str, str | None]:
        """Return the variable that sets ``name`` and its value; an empty one is unset."""
        for variable in _spellings(name):
            value = self.environ.get(variable, "").strip()
            if value:
                return variable, value
        return _PREFIX + name, None

    def _protocol(self, default: str) -> str:
        variable, value = self._value("PROTOCOL")
        if value is None or value.lower() in {GRPC, HTTP}:
            return value.lower() if value else default
        self.report(f"{variable}={value!r}: not grpc or http/protobuf; {default} is used")
        return default

    def _grpc_target(self, text: str, parts: SplitResult) -> tuple[str, bool]:
        """Return target and whether it is spoken to in the clear.

        ``https`` is TLS; otherwise the variable decides; unset, ``http`` is clear, no scheme TLS.
        """
        variable, insecure = self._value("INSECURE")
        if insecure is not None and insecure.lower() not in _TRUE | {"false", "0", "no", "off"}:
            self.report(f"{variable}={insecure!r}: not true or false; false is used")
        if parts.scheme == "https":
            return _host_port(parts), False
        clear = parts.scheme == "http" if insecure is None else insecure.lower() in _TRUE
        return (_host_port(parts) if parts.netloc else text), clear

    def _headers(self, parts: SplitResult) -> tuple[tuple[str, str], ...]:
        variable, text = self._value("HEADERS")
        headers: dict[str, str] = {}
        for number, entry in enumerate((text or "").split(","), 1):
            if not entry.strip():
                continue
            name, sign, value = entry.partition("=")
            name, value = unquote(name).strip().lower(), unquote(value.strip()).strip()
            if sign and _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(value):
                headers[name] = value
            else:  # the value may be a credential: only its place is told
                self.report(f"{variable}: entry {number} is not name=value; it is left out")
        if parts.username is not None:
            headers.setdefault("authorization", basic(parts))
        return tuple(headers.items())

    def _timeout(self) -> float:
        variable, text = self._value("TIMEOUT")
        if text is None:
            return DEFAULT_TIMEOUT
        try:
            seconds = float(text)
        except ValueError:
            seconds = 0.0
        if 0 < seconds < float("inf"):
            return seconds
        self.report(
            f"{variable}={text!r}: not a number of seconds above 0; {DEFAULT_TIMEOUT:g} is used"
        )
        return DEFAULT_TIMEOUT

    def _compression(self, protocol: str) -> str:
        variable, text = self._value("COMPRESSION")
        if text is None or text.lower() in _COMPRESSIONS[protocol]:
            return text.lower() if text else "none"
        known = " or ".join(_COMPRESSIONS[protocol])
        self.report(f"{variable}={text!r}: not {known}; none is used")
        return "none"


def _spellings(name: str) -> tuple[str, str]:
    return f"{_PREFIX}LOGS_{name}", _PREFIX + name


def protocol_by_port(parts: SplitResult) -> str:
    """Return the protocol of an endpoint where no variable names it."""
    return GRPC if parts.port == GRPC_PORT else HTTP


def split(text: str) -> SplitResult:
    """Split a URL, or host and port without scheme."""
    parts = urlsplit(text if "://" in text or text.startswith("unix:") else f"//{text}")
    if parts.port == 0:
        reason = "port 0"
        raise ValueError(reason)
    return parts


def _http_url(variable: str, parts: SplitResult) -> str:
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        reason = "not an http:// or https:// URL"
        raise ValueError(reason)
    path = parts.path
    if variable == _PREFIX + "ENDPOINT":
        path = path.rstrip("/") + LOGS_PATH
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{_host_port(parts)}{path or '/'}{query}"


def _host_port(parts: SplitResult) -> str:
    return parts.netloc.rpartition("@")[2]


def _without_userinfo(text: str) -> str:
    return re.sub(r"//[^/@]*@", "//", text)
