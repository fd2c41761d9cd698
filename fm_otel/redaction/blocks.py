"""Secrets known by what surrounds them: key blocks, manifests, name and value apart."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.keys import Tier, classify, words_of
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

_BEGIN: Final = re.compile(r"-----BEGIN (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_END: Final = re.compile(r"-----END (?:[A-Z0-9]{1,12} ){0,3}PRIVATE KEY(?: BLOCK)?-----")
_CERTIFICATE: Final = "LS0tLS1CRUdJTiBDRVJU"
_BODY: Final = re.compile(r"[A-Za-z0-9+/]{16}|DEK-Info")
_LONG_BASE64: Final = re.compile(r"[A-Za-z0-9+/]{40}")
_PUTTY: Final = re.compile(
    r"Private-Lines: \d{1,4}(?:\r?\n|\\n)((?:[A-Za-z0-9+/=]{1,100}"
    r"(?:(?=\r?\n\S{1,20}:)|\r?\n|\\n|\Z)){1,200})"
)
_AWS_ID: Final = re.compile(r"A(?:KIA|SIA)[A-Z0-9]{16}")
_AWS_SECRET: Final = re.compile(r"(?<![A-Za-z0-9/+=])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+=])")
_GENERATED: Final = re.compile(
    r"\"random_(?:password|bytes)\"[^{}\n]{0,200}\{[^{}]{0,400}?\b"
    r"(?:result|bcrypt_hash|base64|hex)\s{1,20}=\s{1,4}\"([^\"\n]{1,1024})\""
)
_WEB_KEY: Final = re.compile(
    r"\\{0,3}\"(?:k|d|p|q|dp|dq|qi)\\{0,3}\"\s{0,4}:\s{0,4}\\{0,3}\"([A-Za-z0-9_-]{16,1024})"
)
_CDATA: Final = re.compile(
    r"<([\w:.-]{1,80})[^<>]{0,100}>\s{0,20}<!\[CDATA\[([^\n]{1,1024}?)\]\]>"
)
_BOUND: Final = re.compile(r"([A-Za-z_]\w{0,60})\s{0,4}=\s{0,4}\$(\d{1,3})")
_PARAMETER: Final = re.compile(r"\$(\d{1,3}) = '((?:[^'\n]|''){1,1024})'")
_LOCATED: Final = re.compile(
    r"[\"']loc[\"']: ?[(\[][^()\[\]\n]{0,200}?[\"'](\w{1,64})[\"'],?[)\]][^{}\n]{0,300}?[\"']input"
    r"[\"']: ?([\"'])([^\"'\n]{1,1024})\2"
)
_TYPED: Final = re.compile(
    r"\"type\":\s{0,4}\"password\",\s{0,20}\"(?:value|secretData)\":\s{0,4}\""
    r"([^\"\\\n]{4,1024})\""
)
_OPENING: Final = re.compile(
    r"\[arguments: |Arguments: \(|\[(?:generated|cached|no key|raw sql|dialect)[^\]\n]{0,80}\] \("
)
_CONVERSION: Final = re.compile(r"%(?:\(\w{1,64}\))?[-#0 +]{0,3}\d{0,4}(?:\.\d{1,4})?[a-zA-Z%]")
_CONVERTED: Final = re.compile(
    r"([A-Za-z][\w.-]{0,63})(?:[\"']?\s{0,2}[=:]\s{0,2}[\"']?| (?:is |was )?)\Z"
)
_ARGUMENT: Final = re.compile(
    r"(?:, )?(b?[\"']?)((?:[^\"'\\\n,\]]|(?<=[^,]),(?=[^ ])|\\.){1,4096})\1"
)
# What a step of GitHub Actions or Azure Pipelines hands on.
_WORKFLOW: Final = re.compile(
    r"(?:::(?:set-output|save-state|set-env) name=([\w-]{1,80})::|"
    r"##vso\[task\.setvariable variable=([\w.-]{1,80})[^\]\n]{0,80}\])([^\s\"'`]{1,1024})"
)
_KIND: Final = re.compile(r"kind\\{0,3}[\"']?:[ \t]{0,3}\\{0,3}[\"']?[Ss]ecret(?![\w])")
_DATA: Final = re.compile(
    r"(?:^|\n)([ \t]{0,40})(?:data|stringData):[ \t]{0,4}\n"
    r"((?:\1[ \t]{1,20}[^\n]{0,4096}(?:\n|\Z)|[ \t]{0,40}\n){1,200})"
)
_PLAIN_KEYS: Final = tuple(
    [word]
    for word in (
        "username user host hostname port database dbname name type region scheme mode env "
        "environment level id"
    ).split()
)
_DATA_LINE: Final = re.compile(
    r"^[ \t]{1,60}([\w.-]{1,128}):[ \t]{1,4}[\"']?([^\s\"'#|>][^\n\"']{0,4096})[\"']?[ \t]{0,4}$",
    re.MULTILINE,
)
_DATA_BLOCK: Final = re.compile(
    r"^([ \t]{1,60})([\w.-]{1,128}):[ \t]{1,4}[|>][+-]?\d?[ \t]{0,4}\n\1[ \t]{1,20}"
    r"([A-Za-z0-9+/=]{8,16384}(?:\n\1[ \t]{1,20}[A-Za-z0-9+/=]{1,16384}){0,400})[ \t]{0,4}$",
    re.MULTILINE,
)
_DATA_JSON: Final = re.compile(
    r"(?<![A-Za-z])(?:data|stringData)\\{0,3}\":[ ]?\{([^{}]{0,16384})\}"
)
_JSON_PAIR: Final = re.compile(r"\"([\w.-]{1,128})\\{0,3}\":[ ]?\\{0,3}\"([^\"\\]{1,8192})")
_NAME_VALUE: Final = re.compile(
    r"(?:[\"']?\b(?:name|key|variable|var|header|field|parameter|Name|Key|ParameterKey|"
    r"OptionName)\\{0,3}[\"']?[ \t]{0,3}(?:=>|[:=])[ \t]{0,3}\\{0,3}[\"']?)"
    r"([\w.:/-]{1,100})"
    r"(?:\\{0,3}[\"']?[ \t]{0,3}[,;]?(?:\s{0,20}[\"'][Tt]ype[\"']: ?[\"']\w{1,30}[\"'],)?"
    r"(?:\s|\\n){0,40}[+-]?[ \t]{0,24}\\{0,3}[\"']?)"
    r"(?:value|Value|val|content|ParameterValue|default|secure_value|text)\\{0,3}[\"']?[ \t]{0,3}"
    r"(?:=>|[:=])[ \t]{0,3}\\{0,3}([\"']?)([^\n\"'\\]{1,4096}?)"
    r"(?:\\{0,3}\2(?=[\s,;/>})\\\]]|\Z)|(?=\n|\Z))"
)
_VARIABLE: Final = re.compile(
    r"(?:variable|output)\s{1,3}\"([\w-]{1,100})\"\s{0,3}\{[^{}]{0,400}?"
    r"(?:default|value)\s{0,10}=\s{0,4}\"([^\"\n]{1,1024})\""
)
_REVERSED_SQL: Final = re.compile(
    r"value\s{0,3}=\s{0,3}'([^'\n]{1,1024})'[^;\n]{0,80}?(?:name|key)\s{0,3}=\s{0,3}'"
    r"([\w.-]{1,80})'",
    re.IGNORECASE,
)
_REVERSED_JSON: Final = re.compile(
    r"\"value\":\s{0,3}\"([^\"\\\n]{1,1024})\",\s{0,20}\"(?:name|key)\":\s{0,3}\"([\w.-]{1,80})\""
)
_INPUT_VALUE: Final = re.compile(
    r"(?:^|\n)([\w.]{1,100})\n[ \t]{1,8}[^\n]{0,300}input_value='([^'\n]{1,1024})'"
)
_NAME_ELEMENT: Final = re.compile(
    r"<(?:name|key)>\s{0,4}([\w.-]{1,100})\s{0,4}</(?:name|key)>\s{0,20}<(?:value|string)>\s{0,4}"
    r"([^<>\n]{1,1024}?)\s{0,4}</(?:value|string)>"
)
_XML_PROPERTY: Final = re.compile(
    r"<(?:property|entry|param|prop|setting|env|add|string|constructor-arg|init-param)\s{1,4}"
    r"(?:name|key)=\"([\w.:-]{1,100})\"[^<>]{0,60}>\s{0,20}(?:<value>)?([^<>\n]{1,1024})</"
)


def private_key_spans(text: str) -> Iterator[Span]:
    """Yield private key blocks: real or escaped newlines, indented, cut off."""
    begins = [begin.span() for begin in _BEGIN.finditer(text)]
    ends = [end.span() for end in _END.finditer(text)]
    for at, (start, body) in enumerate(begins):
        stop = begins[at + 1][0] if at + 1 < len(begins) else len(text)
        while ends and ends[0][0] < body:
            ends.pop(0)
        if ends and ends[0][0] < stop:
            yield Span(start, ends[0][1], "private_key")
        elif _BODY.search(text, body, min(stop, body + 400)):
            yield Span(start, _body_end(text, body, stop), "private_key")
    for match in _PUTTY.finditer(text):
        yield Span(match.start(1), match.end(1), "private_key")


def _body_end(text: str, start: int, stop: int) -> int:
    """Return where the base64 of a block without its end line stops."""
    at = start
    for match in re.finditer(r"[^\n]*\n?", text[start:stop]):
        line = match.group()
        if (
            at > start
            and len(re.findall(r"[A-Za-z]{2,} [A-Za-z]{2,}", line))
            and ":" not in line[:12]
            and not _LONG_BASE64.search(line)
        ):
            return at
        at = start + match.end()
        if match.end() == match.start():
            break
    return stop


def aws_secret_spans(text: str) -> Iterator[Span]:
    """Yield secret access keys that stand near an access key id."""
    for key_id in _AWS_ID.finditer(text):
        for match in _AWS_SECRET.finditer(text, max(0, key_id.start() - 120), key_id.end() + 160):
            body = match.group()
            if (
                not body.isalpha()
                and body != body.lower()
                and body != body.upper()
                and shapes.entropy(body) > 3.8
            ):
                yield Span(match.start(), match.end(), "aws_secret")


def manifest_spans(text: str) -> Iterator[Span]:
    """Yield the values of Kubernetes Secret manifests, YAML or JSON; names stay."""
    if _KIND.search(text) is None:
        return
    for block in _DATA.finditer(text):
        for line in _DATA_LINE.finditer(text, block.start(2), block.end(2)):
            if _is_hidden(line[1], line[2]):
                yield Span(line.start(2), line.end(2), "k8s_secret")
        for lines in _DATA_BLOCK.finditer(text, block.start(2), block.end(2)):
            if _is_hidden(lines[2], lines[3]):
                yield Span(lines.start(3), lines.end(3), "k8s_secret")
    for block in _DATA_JSON.finditer(text):
        for pair in _JSON_PAIR.finditer(text, block.start(1), block.end(1)):
            if _is_hidden(pair[1], pair[2]):
                yield Span(pair.start(2), pair.end(2), "k8s_secret")


def _is_hidden(key: str, value: str) -> bool:
    """Tell whether a Secret's entry is one: no certificate, user name or address."""
    return not (
        "://" in value
        or value.startswith(_CERTIFICATE)
        or shapes.is_placeholder(value)
        or (words_of(key)[-1:] in _PLAIN_KEYS and not classify(key).tier)
    )


def named_value_spans(text: str) -> Iterator[Span]:
    """Yield values whose name stands beside them: ``name: DB_PASSWORD`` / ``value: ...``."""
    for match in _NAME_VALUE.finditer(text):
        yield from _named(match[1], match[3].rstrip(), match.start(3))
    for pattern in (_REVERSED_SQL, _REVERSED_JSON):
        for match in pattern.finditer(text):
            yield from _named(match[2], match[1], match.start(1))
    for match in _INPUT_VALUE.finditer(text):
        yield from _named(match[1].rpartition(".")[2], match[2], match.start(2), sure=True)
    for match in _LOCATED.finditer(text):
        yield from _named(match[1], match[3], match.start(3), sure=True)
    for match in _TYPED.finditer(text):
        if shapes.is_mixed(match[1]):
            yield Span(match.start(1), match.end(1), "password")
    if "::s" in text or "##vso[" in text:
        for match in _WORKFLOW.finditer(text):
            yield from _named(match[1] or match[2], match[3], match.start(3))
    if "variable" in text or "output" in text:
        for match in _VARIABLE.finditer(text):
            yield from _named(match[1], match[2], match.start(2))


def web_key_spans(text: str) -> Iterator[Span]:
    """Yield the private parts of JSON Web Keys (RFC 7518)."""
    for match in _WEB_KEY.finditer(text):
        yield Span(match.start(1), match.end(1), "private_key")


def cdata_spans(text: str) -> Iterator[Span]:
    """Yield CDATA sections of elements with a sensitive name."""
    for match in _CDATA.finditer(text):
        yield from _named(match[1].rpartition(":")[2], match[2], match.start(2))


def bound_spans(text: str) -> Iterator[Span]:
    """Yield logged statement parameters that were bound to sensitive columns."""
    numbers = {match[2]: classify(match[1]) for match in _BOUND.finditer(text)}
    for match in _PARAMETER.finditer(text) if numbers else ():
        column = numbers.get(match[1])
        if (
            column is not None
            and column.tier >= Tier.SECRET
            and not shapes.is_placeholder(match[2])
        ):
            yield Span(match.start(2), match.end(2), column.rule)


def argument_spans(text: str) -> Iterator[Span]:
    """Yield arguments that did not fit their template, where its name for them is sensitive."""
    opening = _OPENING.search(text)
    if opening is None:
        return
    arguments = list(_ARGUMENT.finditer(text, opening.end()))
    places = [
        match for match in _CONVERSION.finditer(text, 0, opening.start()) if match.group() != "%%"
    ]
    for place, argument in zip(places, arguments, strict=False):
        name = _CONVERTED.search(text, max(0, place.start() - 80), place.start())
        found = classify(name[1]) if name else None
        if (
            found is not None
            and found.tier >= Tier.SECRET
            and not shapes.is_placeholder(argument[2])
        ):
            yield Span(argument.start(2), argument.end(2), found.rule)


def generated_spans(text: str) -> Iterator[Span]:
    """Yield what Terraform's random provider made."""
    for match in _GENERATED.finditer(text):
        if len(match[1]) > 3 and not shapes.is_placeholder(match[1]):
            yield Span(match.start(1), match.end(1), "password")


def xml_property_spans(text: str) -> Iterator[Span]:
    """Yield the text of XML elements named by an attribute: ``<property name="password">``."""
    for match in _NAME_ELEMENT.finditer(text) if "</name>" in text or "</key>" in text else ():
        yield from _named(match[1], match[2], match.start(2))
    for match in _XML_PROPERTY.finditer(text) if "=" in text else ():
        yield from _named(match[1], match[2], match.start(2))


def _named(name: str, value: str, start: int, *, sure: bool = False) -> Iterator[Span]:
    """Yield ``value`` where its name makes it a secret; ``sure``: whatever it looks like."""
    start += len(value) - len(value.lstrip())
    value = value.strip()
    found = classify(name)
    if found.tier < Tier.WEAK or shapes.is_placeholder(value) or shapes.is_path(value):
        return
    if shapes.is_prose(value):
        return
    if (
        found.tier is Tier.PASSWORD
        or (sure and found.tier is Tier.SECRET and len(value) > 7)
        or (shapes.is_mixed(value) and not shapes.is_wordlike(value))
        or (found.tier is Tier.SECRET and shapes.UUID.fullmatch(value))
    ):
        yield Span(start, start + len(value), found.rule)
