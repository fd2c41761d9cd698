"""Read what follows a name: the notations that may join it to a value, the surest first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction.extents import LIMIT, OPENING, SPACE, TAGS, line_end, skip_space
from fm_otel.redaction.keys import KeyClass, Tier
from fm_otel.redaction.verdicts import Notation

if TYPE_CHECKING:
    from collections.abc import Iterator

_QUOTE_CLOSE: Final = re.compile(
    r"(?:\](?=[\"']))?(?:\\{0,7}[\"'`”’»』」]|%22|%27|&quot;|&apos;|&#0?3[49];|\\{1,3}u00(?:22|27)|"
    r"\*{1,3}|__)?[\])]{0,2}"
)
_OP: Final = re.compile(
    r"(?:[ \t][Ss]tring(?=[ \t]?=))?[ \t]{0,60}(?P<op>=>|⇒|&gt;|:{1,3}=|[?.]=|\+=|::(?= )|={1,3}|"
    r"!=|<-|->|→|%3[Dd]|%3[Aa]|＝|：|:(?!//|:)\*{0,3}|\||,|\.{4,60}|[-–—](?=[ \t]{1,4}[\"'`]))"
)
_COPULA: Final = re.compile(
    r"(?i:[ \t]{0,4}(?:(?<=\w)['’]s|is set to|was set to|set to|changed to|has been set to|"
    r"has been reset to|"
    r"was reset to|reset to|was changed to|is now|will be|should be|"
    r"is|was|are|to|lautet|ist|war|auf|est|es|é|è|era|jest|är|er|(?<=salasana )on|это|—|–|是"
    r"|为|為|改为"
    r"|设置为|は|が|를|을|은|는|이|la|là|"
    r"adalah|olarak|je|este|هي|है))[ \t]{1,3}(?:[:=][ \t]{1,3})?",
)
_COPULA_CJK: Final = re.compile(
    r"[ \t]{0,2}(?:是|为|為|改为|设置为|设为|は|を|が|은|는|를|을|가|이|に)[ \t:：]{0,3}"
)
_FAR: Final = re.compile(
    r"(?:[ \t(](?:[^\n.!?;=:\"'`]|(?<=[a-zA-Z])'(?=[a-z])){0,60}?|[ \t]"
    r"(?:for|of) [\"'`]?[^\n\"'`=]{1,50}[\"'`]?|[ \t]?\([^()\n]{1,40}\))"
    r"(?:[ \t](?:is|was|are|to|ist|lautet|est|es|é|è|jest|är|это)(?=[ \t])(?: now| set to)?|"
    r"[ \t]?(?<!\d\d)[:：](?!//)|[ \t]=|(?<= value)=)[ \t]{0,4}"
)
_FAR_SIGN: Final = re.compile(
    r"[:=： ](?:(?<=[:=：])|(?:is|was|are|to|ist|lautet|est|es|é|è|jest|är|это) )"
)
_TO: Final = re.compile(r"[ ]to[ ]{1,4}\Z")
_TURNS: Final = re.compile(
    r"\b(?:set|chang|reset|updat|rotat|switch|revert|default|resolv|correspond|equal)"
)
_OF_ID: Final = re.compile(r"\bid(?: (?:is|was)|:| =)[ \t]{0,4}\Z")
_NEAR: Final = re.compile(r"(?:[ \t][^\W\d]{1,20}){1,4}[ \t](?=[!-~]{6})")
_OPTION_BELOW: Final = re.compile(r"\n[ \t]{1,60}(?:- )?(?=[^\s-][^\s]{3,200}[ \t]{0,4}(?:\n|\Z))")
_INNER: Final = re.compile(r"\s{1,60}(?=[^\s<])")
_DEFINE: Final = re.compile(r"\bdefine\( ?[\"']\Z", re.IGNORECASE)
_DIRECTIVE: Final = re.compile(r"[ \t](?=\S{0,200}\d)(?=\S{8,512};?[ \t]{0,4}(?:\n|\Z))")
_ROW: Final = re.compile(r"(?:\A|\n) {0,8}\Z")
_COLUMN: Final = re.compile(r"(?:[ ]{2,40}|\t{1,8}[ ]{0,8})(?=\S{6,512}[ \t]{0,4}(?:\n|\Z))")


def notations_after(
    text: str, start: int, end: int, found: KeyClass
) -> Iterator[tuple[Notation, int]]:
    """Yield each reading of what follows the name, with the place of its value."""
    if (
        text[start - 1 : start] in ("<", ":")
        and text[end : end + 1] in (">", " ")
        and "<" in text[max(0, start - 20) : start]
    ):
        tag_end = text.find(">", end, end + 120)
        if tag_end >= 0 and text[tag_end - 1] != "/" and _is_element_at(text, tag_end):
            inner = _INNER.match(text, tag_end + 1)
            yield Notation.STRUCT, inner.end() if inner else tag_end + 1
            return
    closed = _QUOTE_CLOSE.match(text, end)
    after = closed.end() if closed else end
    quoted_name = after > end and text[end] not in "*_"
    if text[end : end + 1] == "(" and OPENING.match(
        text, end + 1 + (text[end + 1 : end + 2] == "b")
    ):
        yield Notation.CALL, end + 1
        return
    tags = TAGS.match(text, after) if text[after : after + 2] == "</" else None
    if tags:
        yield Notation.PAIR, tags.end()
        return
    operator = _OP.match(text, after)
    if operator:
        sign = operator["op"]
        at = operator.end()
        if (sign[0] in ":：" and sign != ":=") or sign in ("%3A", "%3a"):
            yield _colon(text, start, at, quoted=quoted_name), at
            return
        if sign == ",":
            if quoted_name:
                yield (
                    Notation.STRUCT
                    if _DEFINE.search(text, max(0, start - 12), start)
                    else Notation.PAIR,
                    at,
                )
            return
        if sign == "|":
            if text[operator.start()] in " \t" and "}}" not in text[at : at + 80]:
                yield Notation.PAIR, at
            return
        if sign in ("-", "–", "—"):
            yield Notation.PAIR, at
            return
        if sign in ("==", "===", "!=", "+="):
            if OPENING.match(text, skip_space(text, at, Notation.STRUCT)):
                yield Notation.CALL, at
            return
        yield Notation.STRUCT, at
        return
    column = (
        (_COLUMN.match(text, end) or _DIRECTIVE.match(text, end))
        if _ROW.search(text, max(0, start - 9), start)
        else None
    )
    if column:
        yield Notation.LINE, column.end()
        return
    if text[start : start + 1] == "-" or text[start - 1 : start] == "/":
        space = SPACE.match(text, end) or _OPTION_BELOW.match(text, end)
        if space and text[start : start + 1] == "-":
            yield Notation.OPTION, space.end()
            return
    yield from prose_notations(text, end, after, found, quoted=quoted_name)


def _is_element_at(text: str, tag_end: int) -> bool:
    """Tell an element from a name in angle brackets: its text or its end follows."""
    follows = text[tag_end + 1 : tag_end + 2]
    return follows not in ("", " ", "/", "@", "'", '"', "`", ")", ".", ",") and (
        follows != "\n" or "</" in text[tag_end : tag_end + LIMIT]
    )


def prose_notations(
    text: str, end: int, after: int, found: KeyClass, *, quoted: bool
) -> Iterator[tuple[Notation, int]]:
    """Yield the readings of a name in a sentence: "is", the next word, and further on."""
    copula = _COPULA.match(text, end if text[end : end + 2] in ("'s", "’s") else after) or (
        None if text.isascii() else _COPULA_CJK.match(text, after)
    )
    if copula and not (
        text[end - 5 : end].lstrip("([\"'`").lower() in ("pass", " pass")
        and copula.group().lstrip().startswith("to")
    ):
        yield Notation.COPULA, copula.end()
    space = SPACE.match(text, after)
    if space:
        # A Latin word after a name in another script is hardly its next word.
        foreign = not text[end - 1].isascii() and text[space.end() : space.end() + 1].isascii()
        if len(space.group()) == 1 or "\n" not in text:
            yield Notation.COPULA if foreign else Notation.SPACE, space.end()
        opener = text[space.end() : space.end() + 1]
        if opener and opener in "([":
            yield Notation.SPACE if opener == "(" else Notation.COPULA, space.end() + 1
    elif not quoted and text[after : after + 1] in ("「", "『", "“", "«"):
        yield Notation.COPULA, after
    far = _FAR.match(text, end) if _FAR_SIGN.search(text, end, end + 70) else None
    if far and _TO.search(far.group()) and not _TURNS.search(text, max(0, end - 40), far.end()):
        far = None  # "required for write to ..."
    if (
        far
        and _OF_ID.search(far.group()) is None
        and "://" not in text[far.end() : far.end() + 30]
        and (
            found.tier >= Tier.SECRET
            or (found.rule in ("pin", "otp") and text.startswith(" for ", end))
        )
    ):
        yield (
            Notation.COPULA
            if found.tier is Tier.PASSWORD
            and text[far.end() - 1] == " "
            and text[far.end() - 2] not in ":=："
            else Notation.FAR,
            far.end(),
        )
    if not text.isascii() and found.tier is Tier.PASSWORD:
        near = _NEAR.match(text, end)
        if near:
            yield Notation.FAR, near.end()


def _colon(text: str, start: int, at: int, *, quoted: bool) -> Notation:
    """Tell a mapping's colon (quoted name, no space, alone on its line) from prose."""
    if quoted:
        return Notation.STRUCT
    before = text[text.rfind("\n", max(0, start - 80), start) + 1 : start][-80:]
    rest = text[at : line_end(text, at)][:600].strip()
    if not before.strip(" \t-+#>$\"'{") and len(rest.split()) <= 1:
        return Notation.LINE
    return Notation.COLON
