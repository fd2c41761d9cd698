"""Passphrases and codes that people tell in words: "the passphrase is seven owls under Brine"."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from fm_otel.redaction import shapes
from fm_otel.redaction.gates import gate
from fm_otel.redaction.spans import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS: Final = ("frase", "fras ", "frasen", "wachtzin", "fraza", "d'ordine", "in words")
FOREIGN: Final = ("фраз", "fráz", "d’ordine")
_has_topic: Final = gate((*WORDS, *FOREIGN, "phrase", "woordzin"))
_TOLD: Final = re.compile(
    r"(?:pass[ -]?phrase|passfras\w{0,3}|lösenfras\w{0,3}|wacht(?:woord)?zin|adgangsfrase"
    r"|phrase (?:secrète|de passe)|frase (?:de paso|segreta|secreta|clave|de segurança|passe)"
    r"|(?:кодов|парольн)\w{2} фраз\w|parola d['’]ordine|heslov\w fráz\w|fraza hasłowa"
    r"|password in words)"
    r"(?:[^\n.!?;:=\"'`]{0,48}(?::|=|\b(?:is|ist|est|es|è|é|är|er|jest|to|это))|"
    r"[^\n.!?;:=\"'`]{0,24}[ ](?=\()|)[ ]{1,2}[(\"'`«„“]?"
    r"((?:[^\W\d_]{2,14} ){3,7}[^\W\d_]{2,14})(?=[,.;!)\"'`»”\n]|\Z)"
)
# What a sentence about a passphrase says instead of telling it.
_TALK: Final = frozenset(
    "ask see check contact stored kept written read look find rotate change use please never do "
    "bitte siehe im vom beim wird wurde muss darf steht liegt frag fragen nicht kein keine "
    "demander voir doit dans chez pas sera demandez contactez "
    "consultar pedir ver debe está pide pregunta chiedere vedi deve nel chiedi non "
    "zie vraag vragen moet staat niet zapytaj zobacz jest nie w "
    "спроси смотри см нужно должна не у в fråga se måste inte finns "
    "available disponibile alla disponible verfügbar beschikbaar dostępna".split()
)
# Words of phrases as well as of sentences about them; one may be there.
_LITTLE: Final = frozenset("the a an at on in of and to my by no with under over".split())
_NUMBERS: Final = frozenset("one two three four five six seven eight nine ten".split())
_DIGIT: Final = (
    r"(?:zero|oh|one|two|three|four|five|six|seven|eight|nine"
    r"|null|eins|zwei|zwo|drei|vier|fünf|sechs|sieben|acht|neun"
    r"|cero|uno|dos|tres|cuatro|cinco|seis|siete|ocho|nueve"
    r"|zéro|un|deux|trois|quatre|cinq|sept|huit|neuf)"
)
_SPOKEN: Final = re.compile(
    r"\b(?:pin|code|passcode|puk|password|combination|kode|código|codigo)\b[^\n.;0-9]{0,60}?[ ]"
    rf"((?:double )?{_DIGIT}(?:,? (?:double )?{_DIGIT}){{3,9}})\b"
    r"|\b(?:pin|passcode|puk|code|password)\b[^\n.;0-9]{0,48}?[ ](\d(?: \d){3,7})(?![\w.:]| \d)"
)


_has_code: Final = gate((
    "pin ", "code ", "puk ", "password ", "combination ", "kode ", "código ", "codigo ",
))


def phrase_spans(low: str) -> Iterator[Span]:
    """Yield passphrases of several words and codes read out digit by digit."""
    for match in _TOLD.finditer(low) if _has_topic(low) else ():
        words = match[1].split()
        said = [word for word in words if word not in _NUMBERS]
        talk = [word for word in said if word in _TALK or shapes.is_status_word(word)]
        if len(talk) <= 1 and _LITTLE.issuperset(talk) and not shapes.has_verb(match[1]):
            yield Span(match.start(1), match.end(1), "password")
    for match in _SPOKEN.finditer(low) if _has_code(low) else ():
        group = match.lastindex or 0
        yield Span(match.start(group), match.end(group), "otp")
