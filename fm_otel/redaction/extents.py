"""Find where a value begins and ends: quoted, bare, a block of YAML, wrapped in a call."""

from __future__ import annotations

import re
from typing import Final

from fm_otel.redaction import shapes
from fm_otel.redaction.keys import KeyClass, Tier
from fm_otel.redaction.verdicts import Notation, Value

LIMIT: Final = 4096
"""Longest value looked at."""
_VALUE_BELOW: Final = re.compile(
    r"[ \t]{0,4}(?:\n-{3,5}\n|\n[ \t]{1,60})(?=[\"']?[^\s\"'-][^\s\"']{4,200}[\"']?[ \t]{0,4}"
    r"(?:\n|\Z))"
)
SPACE: Final = re.compile(r"[ \t]{1,60}")
CONCATENATED: Final = re.compile(r"([\"']) ?\+ ?(?=\1)")
_CONTINUED: Final = re.compile(r"[ \t]{0,60}")
_LITERAL_PREFIX: Final = re.compile(
    r"(?:[bruBRUfN@]|br|rb)(?=[\"'])|(?:\\u003d)|string\(\d{1,4}\) (?=\")"
)
TAGS: Final = re.compile(
    r"(?:</?(?:a|b|i|u|p|em|strong|code|kbd|samp|mark|tt|pre|span|div|td|th|tr|dd|dt|li|br|font|"
    r"small|label|h\d)(?: [^<>\n]{0,80})?/?>[ \t]{0,4}){1,5}(?=[^<\s])"
)
OPENING: Final = re.compile(
    r"(?P<slash>\\{0,15})(?P<quote>\"\"\"|'''|[\"'`“”„«‘「『])|%22|%27|&quot;|&apos;|&#0?3[49];"
    r"|\\{1,3}u00(?:22|27)"
)
# „ is closed by “ in German, by ” in Polish.
_CLOSING: Final = {
    "“": ("”",),
    "”": ("”",),
    "„": ("“", "”"),
    "«": ("»",),
    "‘": ("’",),
    "「": ("」",),
    "『": ("』",),
}
_FINE_SPACE: Final = (" ", "\u00a0", "\u202f")
_TYPE: Final = re.compile(
    r"(?:const )?(?:char ?\*|(?:[A-Za-z]{1,20}\.)?(?:[Ss]tr(?:ing)?|[Bb]ytes|Secret(?:Str|Bytes)?|"
    r"Any|any|text|[Oo]ptional|Final|&str|var)"
    r"(?:\[[\w, |.\[\]]{1,40}\])?(?: ?\| ?[A-Za-z_]\w{0,20}){0,3}\??)[ \t]{0,3}=(?!=)[ \t]{0,3}"
)
_STOP: Final = re.compile(
    r"\[\\[rn]\]|;(?=;)|[,;](?=\s|\Z|[\"'}\])]|\\{0,7}[\"']|"
    r"[A-Za-z_][\w. \-]{0,40}\\{0,3}[\"']?[ \t]?[=:])"
    r"|&(?=[A-Za-z_][\w.\[\]%-]{0,60}=|\Z|amp;|\s|[\"'])|\|(?=\s|\Z|[A-Za-z_]\w{0,40}[=:])"
    r"|\\{1,7}[nrt](?![a-z]{3})|\\{1,7}[\"']|[\"'`](?=\W|\Z)|</|<(?=[a-z]{1,10}[ />])"
    r"|[，。；、（）」』】！？”’»]|(?<=[!-~])[\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]|&quot;|&lt;|%26"
    r"|\[REDACTED:"
)
_STOP_SIGN: Final = re.compile(
    r"[,;&|\\\"'`<%\[，。；、（）」』】！？”’»\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7a3]"
)
_APP_PASSWORD: Final = re.compile(r"[a-z]{4}(?: [a-z]{4}){3}(?![\w])")
_WORDS: Final = re.compile(r"[a-z]{2,12}(?:[ ,]{1,2}[a-z]{2,12}){2,30}")
_PASSPHRASE: Final = re.compile(r"[a-z]{3,12}(?: [a-z]{3,12}){2,7}(?=[ \t]{0,4}(?:\n|\Z))")
_WRAPPERS: Final = re.compile(
    r"(?:(?:[\w.]{0,40}[.:])?(?:SecretStr|SecretBytes|Secret|Password|Some|String|str|bytes|from|"
    r"new|of|PASSWORD|b64decode|"
    r"StringLiteral|quote|encode|Literal|toCharArray|secure_string|SecureString|Just|Ok|literal"
    r"|sensitive))\(\s{0,40}b?(?=[\"'])"
)
_HELD: Final = re.compile(
    r"\{(?:\s{0,20}\"\w{1,30}\":\s{0,4}(?:true|false|null|"
    r"\"[^\"\n]{0,60}\"),){0,3}\s{0,20}\\{0,3}[\"']?"
    r"(?:value|val|plain|plaintext|default|data|secret|S|_value|Value)\\{0,3}[\"']?\s{0,4}"
    r"[:=]\s{0,4}(?=\\{0,3}[\"'])"
)
_BLOCK: Final = re.compile(r"[|>][+-]?\d?[ \t]{0,4}\n")
_YAML_TAG: Final = re.compile(r"!!?(?:str|binary)[ \t]{1,4}")
_ASSIGNED: Final = re.compile(r"-{0,2}[A-Za-z_][\w.-]{0,40}[=:](?![=:])(?:[^\s]|\Z)")
_NOT_IN_PHRASES: Final = re.compile(r" (?:and|the|but) ")
_PHRASE_SIZES: Final = (24, 21, 18, 15, 12)
# As WebLogic and WebSphere write passwords: how it is hidden, then what hides it.
_HIDDEN: Final = re.compile(
    r"(?i:\{(?:aes\w{0,4}|3des|des|xor|rc4)\})([A-Za-z0-9+/]{6,512}={0,2})"
)
_BRACED: Final = re.compile(r"\{([A-Za-z0-9+/=]{16,512})\}(?=<|[\"']|\s|\Z)")
_FLAG: Final = re.compile(r"--[a-z]|-[a-zA-Z](?:\s|\Z)")
_EMPHASIS: Final = re.compile(r"(\*{1,3}|__)([^\s*]{1,200})\1")
_LABEL: Final = re.compile(r"base64:(?=\S{8})")
_RUN: Final = re.compile(r"[^\s]{1,4096}")


def value_at(text: str, at: int, notation: Notation, found: KeyClass) -> Value | None:
    """Return the value that begins near ``at``, without what wraps it."""
    at = skip_space(text, at, notation)
    tag = _YAML_TAG.match(text, at)
    if tag and not OPENING.match(text, tag.end()):
        bare = bare_value(text, tag.end(), notation, found)
        return bare._replace(quoted=True) if bare else None
    at = tag.end() if tag else at
    block = _BLOCK.match(text, at)
    if block and notation >= Notation.COLON:
        return _block_scalar(text, block.end())
    tags = TAGS.match(text, at) if text[at : at + 1] == "<" else None
    at = tags.end() if tags else at
    kind = _TYPE.match(text, at) if notation >= Notation.COLON else None
    at = kind.end() if kind else at
    held = _HELD.match(text, at)
    at = held.end() if held else at
    wrapper = _WRAPPERS.match(text, at)
    at = wrapper.end() if wrapper else at
    prefix = _LITERAL_PREFIX.match(text, at)
    at = prefix.end() if prefix else at
    opening = OPENING.match(text, at)
    if opening:
        return _without_label(text, _quoted(text, opening))
    if notation is Notation.PAIR and text[max(0, at - 4) : at].rstrip().endswith(","):
        return None
    if notation is Notation.OPTION and text.startswith("pass:", at):
        at += 5
    return _without_label(text, bare_value(text, at, notation, found))


def _without_label(text: str, value: Value | None) -> Value | None:
    """Return ``value`` behind the word that only says how it is written: ``base64:``."""
    label = _LABEL.match(text, value.start, value.end) if value else None
    return Value(label.end(), value.end, value.quoted) if label and value else value


def skip_space(text: str, at: int, notation: Notation) -> int:
    """Return where the value begins: behind space, a continued or an indented line."""
    space = SPACE.match(text, at)
    at = space.end() if space else at
    if text.startswith("\\\n", at):
        at = _CONTINUED.match(text, at + 2).end()  # type: ignore[union-attr]
    if notation is Notation.STRUCT and text[at : at + 1] == "\n":
        indent = re.compile(r"\n[ \t]{1,60}(?=[\"']|string\()").match(text, at)
        at = indent.end() if indent else at
    below = _VALUE_BELOW.match(text, at) if notation in (Notation.LINE, Notation.COLON) else None
    at = below.end() if below else at
    joined = CONCATENATED.match(text, at) if notation is Notation.STRUCT else None
    return joined.end() if joined else at


def _block_scalar(text: str, at: int) -> Value | None:
    lines = re.compile(
        r"(?:(?P<indent>[ \t]{1,60})\S[^\n]{0,1000}"
        r"(?:\n(?P=indent)[ \t]{0,60}\S[^\n]{0,1000}){0,200})"
    ).match(text, at)
    if lines is None:
        return None
    start = at + len(lines["indent"])
    return Value(start, lines.end(), quoted=True)


def _quoted(text: str, opening: re.Match[str]) -> Value | None:
    start = opening.end()
    mark = opening.group()
    if opening["quote"] is None:
        end = text.find(mark, start, start + LIMIT)
        return Value(start, end if end >= 0 else line_end(text, start), quoted=True)
    slashes, quote = len(opening["slash"]), opening["quote"]
    closing = _CLOSING.get(quote, (quote,))
    at = start
    while True:
        at = min(
            (end for mark in closing if (end := text.find(mark, at, start + LIMIT)) >= 0),
            default=-1,
        )
        if at < 0:
            return Value(start, line_end(text, start), quoted=True)
        back = at
        while back > start and text[back - 1] == "\\":
            back -= 1
        count = at - back
        if count == slashes or (count < slashes) or (slashes == 0 and count % 2 == 0):
            if (
                quote == "'"
                and not slashes
                and at > start
                and text[at + 1 : at + 2] == "'"
                and text[at + 2 : at + 3].isalnum()
            ):
                at += 2  # doubled, as YAML and SQL write it
                continue
            end = at - min(count, slashes)
            if quote == "«":
                start, end = (
                    start + (text[start : start + 1] in _FINE_SPACE),
                    end - (text[end - 1 : end] in _FINE_SPACE),
                )
            return Value(start, end, quoted=True)
        at += len(closing[0])


def line_end(text: str, start: int) -> int:
    """Return where the line of ``start`` ends, :data:`LIMIT` characters on at most."""
    end = text.find("\n", start, start + LIMIT)
    return end if end >= 0 else min(len(text), start + LIMIT)


def phrase_length(words: str) -> int:
    """Return the length of the recovery phrase (BIP 39: 12 to 24 words) that begins ``words``."""
    ends = [
        match.end()
        for match in re.finditer(r"[a-z]+", _NOT_IN_PHRASES.split(words, maxsplit=1)[0])
    ]
    size = next((size for size in _PHRASE_SIZES if size <= len(ends)), len(ends))
    return ends[size - 1]


def bare_value(text: str, at: int, notation: Notation, found: KeyClass) -> Value | None:
    """Return the value without quotes at ``at``, up to the sign that ends it."""
    first = text[at : at + 1]
    if first == "-" and (notation < Notation.PAIR or _FLAG.match(text, at)):
        return None
    if first == "{" and notation is Notation.STRUCT:
        held = _BRACED.match(text, at) or _HIDDEN.match(text, at)
        return Value(held.start(1), held.end(1), quoted=True) if held else None
    if first in ("{", "[", "(", "<") or (notation < Notation.PAIR and not first.isascii()):
        return None
    run = _RUN.match(text, at)
    if run is None:
        return None
    piece = run.group()
    for sign in _STOP_SIGN.finditer(piece):
        if _STOP.match(piece, sign.start()):
            piece = piece[: sign.start()]
            break
    piece = shapes.trimmed(piece)
    emphasis = _EMPHASIS.fullmatch(piece)
    if emphasis:
        return Value(at + emphasis.start(2), at + emphasis.end(2), quoted=False)
    end = at + len(piece)
    if notation >= Notation.COPULA:
        for shape in (
            _APP_PASSWORD,
            _WORDS if found.rule == "seed_phrase" else None,
            _PASSPHRASE if notation >= Notation.LINE and found.tier is Tier.PASSWORD else None,
        ):
            longer = shape.match(text, at) if shape else None
            if longer:
                end = max(
                    end, at + phrase_length(longer.group()) if shape is _WORDS else longer.end()
                )
    if notation < Notation.PAIR and _ASSIGNED.match(piece):
        return None
    return Value(at, end, quoted=False) if piece else None
