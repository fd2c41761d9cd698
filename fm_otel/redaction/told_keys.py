"""API keys and licences that people tell each other in sentences, of any language."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY_TOPIC: Final = re.compile(
    r"(?:api|secret|access|licen[sc]e|product|activation|serial|recovery|auth|unseal|encryption|"
    r"master|signing)[ _-]?keys?|unseal[^\n:]{0,16} keys?(?: \d)?|api[- ]?"
    r"(?:schlüssel|anahtar\w*|키|キー|密钥|ключ\w*|tokens?)"
    r"|(?:setup|authenticator|network|wpa2?|wi-?fi|wlan) ?keys?"
    r"|(?:openai|anthropic|groq|mistral|cohere|pinecone|gemini|google|azure|datadog|new ?relic|"
    r"sentry|grafana|honeycomb|segment|mixpanel|amplitude|"
    r"stripe|sendgrid|mailgun|twilio|cloudflare|algolia|mapbox|airtable|notion|pagerduty|opsgenie"
    r"|github|gitlab|slack|discord) keys?"
    r"|(?:chave|chiave|klucz|clave|cl[eé]f?|llave|sleutel|nyckel|klíč)\w{0,2} "
    r"(?:da |de |di |do |del |d['’]|dell['’])?(?:api|acce|acesso|licen)\w*"
    r"|lizenzschlüssel|licentiesleutel|api-sleutel|(?:this|the following) (?:key|token)"
    r"|(?:sleutel|schlüssel|clé|clave|llave|chave|chiave|klucz|nyckel\w*|key) "
    r"(?:voor|für|pour|para|per|do|till|for) (?:the |de |die |l['’]|la |el |a |o )?api"
    r"|ключ\w? (?:апи|api)|апи[- ]ключ\w?|api[- ]?klíč\w*|\bseed(?= [A-Za-z2-7]{16})"
    r"|密钥|密鑰|密匙|시크릿"
)
_KEY_SHAPE: Final = re.compile(
    r"(?<![A-Za-z0-9_/.=-])(?:[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){3,8}|[A-Za-z0-9+/]{20,200}={1,2}|"
    r"[A-Za-z0-9_-]{16,200})(?![A-Za-z0-9_/@=-]|\.\w)"
)
_IS_IT: Final = re.compile(
    r"(?:(?: (?!hash|digest|sha|md5|commit|checksum|fingerprint|id\b)[^\W\d]{1,14}){0,4}"
    r"(?: (?:is|ist|lautet|est|es|é|è|to|je|är|это|was|такой)|:| =)|는|은|가|이|=|)\s?[\"'`]?"
)
_HEX_KEY: Final = re.compile(
    r"(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})"
)
_ID_BEFORE: Final = re.compile(r"(?:\b|_)ids?[\"']?(?: is| was|:|=)? ?[\"'`]?\Z")
_GROUPED: Final = re.compile(r"(?=[A-Z0-9-]*\d)[A-Z0-9]{4,6}(?:-[A-Z0-9]{4,6}){3,8}")
_BASE32: Final = re.compile(r"(?=[A-Z]*[2-7])[A-Z2-7]{16,64}")
_CAPITALS: Final = re.compile(r"(?=(?:[A-Z]{0,60}\d){2})(?=\d{0,60}[A-Z])[A-Z0-9]{16,63}")
_CIPHER_KEY: Final = re.compile(
    r"(?:\baes|chacha|\bdes\b|3des|cipher|crypt|\bhmac)[^\n]{0,60}?\bkey ?[=:] ?[\"']?"
    r"((?:[0-9a-f]{2}){16}|[0-9a-f]{48}|[0-9a-f]{64})(?![0-9a-f])"
)
_REACH: Final = 60
"""Characters between the word for a key and the key."""


def key_spans(text: str, low: str) -> Iterator[Span]:
    """Yield keys that stand in a sentence about an API key or a licence."""
    for match in _CIPHER_KEY.finditer(low):
        yield Span(match.start(1), match.end(1), "api_key")
    for topic in _KEY_TOPIC.finditer(low):
        for match in _KEY_SHAPE.finditer(text, topic.end(), topic.end() + _REACH + 200):
            if match.start() - topic.end() > _REACH or "\n" in text[
                topic.end() : match.start()
            ].strip("\n"):
                break
            told = _HEX_KEY.fullmatch(match.group()) and _IS_IT.fullmatch(
                low, topic.end(), match.start()
            )
            if (told or _is_key(match.group())) and not _ID_BEFORE.search(
                low, max(0, match.start() - 12), match.start()
            ):
                yield Span(match.start(), match.end(), "api_key")


def _is_key(word: str) -> bool:
    if _GROUPED.fullmatch(word) or _BASE32.fullmatch(word) or _CAPITALS.fullmatch(word):
        return True
    return (
        len(word) >= 20
        and shapes.is_random(word)
        and word.lower() != word != word.upper()
        and any(map(str.isdigit, word))
    )
