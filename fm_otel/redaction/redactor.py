"""The redactor: one object for every string that leaves the process."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any, Final

from fm_otel.fields import FIELDS, ID_PATTERN, SETTABLE, Field, Kind
from fm_otel.redaction import assignments, codes, hosts, normalise, paths, scan
from fm_otel.redaction.errors import OutOfTimeError, RedactionError
from fm_otel.redaction.headers import LOGIN_COOKIE
from fm_otel.redaction.keys import NOT_SECRET, KeyClass, Tier, classify
from fm_otel.redaction.normalise import GUARD, WINDOW
from fm_otel.redaction.options import listed_spans
from fm_otel.redaction.pseudonym import Pseudonymizer
from fm_otel.redaction.spans import Span, applied, merged, outside_markers
from fm_otel.redaction.user_rules import NO_USER_RULES, UserRules, load
from fm_otel.settings import to_stderr

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MEMO_SIZE: Final = 4096
MEMO_LENGTH: Final = 128
CUSTOM_SECONDS: Final = 0.02
MAX_DEPTH: Final = 64
_ROUNDS: Final = 4

_ID: Final = re.compile(ID_PATTERN)
_ODD_ID: Final = re.compile(r"[^A-Za-z0-9._:-]")
_FIELDS: Final[dict[str, Field]] = {f.name: f for f in FIELDS} | SETTABLE
_IDS: Final = frozenset({"correlation_id", "session_id", "user_id", "investigation_id"})


_FRAMES = re.compile(r"Traceback \(most recent call last\):\n(?:  [^\n]*\n)+(?=\S[^\n]*\n?\Z)")
"""The frames of a plain traceback: what follows them is the exception's last line, and the end."""

MAX_FRAMES = 256
MAX_FRAMES_LENGTH = 8192
"""Tracebacks remembered, and characters of one: two megabytes at most."""

MAX_ARGUMENTS = 64
MAX_COMMAND = 8192
"""Texts of a list, and their characters, that are read as a command and its arguments."""

MAX_PLAIN_KEYS = 4096
"""Keys remembered as saying nothing about their values, before the set starts afresh."""

_NUMBERS = frozenset((int, float, bool, type(None)))


_PLAIN_LEAVES: Final = frozenset(
    "id name type kind namespace version created_at createdAt expires_at expiresAt status "
    "scopes scope jti iss sub aud exp iat nbf kid alg typ expires_in".split()
)
"""What describes a secret held as an object, and is none itself."""

_PASSWORD: Final = KeyClass("password", Tier.PASSWORD)
_VALUES: Final = (
    "value", "Value", "old", "new", "old_value", "new_value", "oldValue", "newValue", "before",
    "after", "from", "to", "previous", "current", "ParameterValue", "OptionValue",
)  # fmt: skip
_AGAIN: Final = ("confirm", "confirmation", "repeat", "again", "retype")
_HELD: Final = frozenset((*_VALUES, *_AGAIN, "input"))
_NAMES: Final = (
    "name", "key", "field", "setting", "path", "attribute", "Name", "Key", "ParameterKey",
    "OptionName",
)
_IN_WORDS: Final = frozenset(("auth", "_auth"))
"""Keys whose values say more in the notation of a text than alone."""

_PHONE_KEY: Final = re.compile(
    r"(?i:phone|telefon|teléfono|téléphone|mobile|celular|whatsapp|(?:\b|_)"
    r"(?:tel|fax|handy|cell|msisdn)\Z)"
)
_SAYS_NOTHING: Final = frozenset("value raw old new current previous confirm plain".split())
_ALL_TEXT: Final = frozenset((str,))
_WEB_KEY: Final = ("k", "d", "p", "q", "dp", "dq", "qi")


class Redactor:
    """Replaces secrets by ``[REDACTED:<rule>]`` and keeps everything around them.

    Every method is total: it returns clean text or raises :class:`RedactionError`, and then the
    caller writes a marker instead. Clean input comes back as the same object. A second run over
    the result changes nothing. Safe for use from several threads.
    """

    def __init__(
        self,
        *,
        rules_path: str | None = None,
        pseudonym_key: str | None = None,
        custom: Callable[[str], str] | None = None,
        hide_hosts: bool = False,
        project_root: str | None = None,
        report: Callable[[str], None] = to_stderr,
    ) -> None:
        """Take the user's rules file, the key of pseudonyms and the customer's own sanitizer.

        A bad rule or key is refused by name through ``report``; the rest works.
        """
        self.counts: dict[str, int] = {}
        self._report = report
        self._user: UserRules = load(rules_path, report) if rules_path else NO_USER_RULES
        self._custom = custom
        self._hide_hosts = hide_hosts or self._user.hide_hosts
        # Whether no rules or sanitizer but ours see a text.
        self._alone = not (custom or self._user.rules or self._user.allowed or self._hide_hosts)
        self._root = paths.project_root() if project_root is None else project_root
        self._clean: set[str] = set()
        self._plain: dict[bytes, bool | None] = {}
        self._plain_keys: set[str] = set()
        self._frames: dict[str, str] = {}
        self._pseudonyms, self._key_refused = self._keyed(pseudonym_key)

    def text(self, s: str) -> str:
        """Return free text without secrets; text beyond the window is left out."""
        if s in self._clean:
            return s
        return self._guarded(self._text, s)

    def stack(self, s: str) -> str:
        """Return a stack trace without secrets, its file paths relative.

        The frames of one place are the same text each time it fails: clean ones are remembered.
        """
        frames = _FRAMES.match(s)
        if frames is None or self._custom is not None or self._user.rules:
            return self.text(s)
        known = self._frames.get(frames.group())
        if known is None:
            known = self.text(frames.group())
            if "[REDACTED:" not in known:
                self._remember_frames(frames.group(), known)
        return known + self.text(s[frames.end() :])

    def url(self, s: str) -> str:
        """Return a URL without credentials and secret query values."""
        return self.text(s)

    def schema_text(self, name: str, v: str) -> str:  # noqa: ARG002 - symmetry
        """Return the string of a safe schema field without tokens that carry a prefix."""
        if v in self._clean:
            return v
        return self._guarded(self._prefixes, v)

    def identifier(self, name: str, v: str) -> str:
        """Return an id: as it is when it looks like one, a pseudonym or marker otherwise."""
        return self._guarded(lambda value: self._identifier(name, value), v)

    def value(self, key: str, v: object) -> object:
        """Return the JSON value ``v`` of ``key`` without secrets, the same object when clean."""
        try:
            return self._value(key, v, 0)
        except RedactionError:
            raise
        except Exception as error:  # noqa: BLE001 - total: whatever it was, no raw text
            raise RedactionError(type(error).__name__) from None

    def mapping(self, d: dict[str, Any]) -> dict[str, Any]:
        """Return the extras ``d`` without secrets, the same object when clean."""
        try:
            return self._mapping(d, 0)
        except RedactionError:
            raise
        except Exception as error:  # noqa: BLE001 - total: whatever it was, no raw text
            raise RedactionError(type(error).__name__) from None

    def add_custom(self, custom: Callable[[str], str]) -> bool:
        """Run the customer's sanitizer from now on; return False when there is one already."""
        if self._custom is not None:
            return False
        self._custom = custom
        self._alone = False
        # What was clean without it need not be clean with it.
        self.forget()
        return True

    def forget(self) -> None:
        """Forget which texts were clean."""
        self._clean.clear()
        self._plain.clear()

    def hide(self, s: str, raw: str, replacement: str) -> str:
        """Return ``s`` with the id ``raw`` replaced where it stands as a word of its own."""
        if len(raw) < 6 or raw not in s:
            return s
        return re.sub(rf"(?<![\w-]){re.escape(raw)}(?![\w-])", lambda _: replacement, s)

    def _keyed(self, key: str | None) -> tuple[Pseudonymizer | None, bool]:
        if not key:
            return None, False
        try:
            return Pseudonymizer.from_text(key), False
        except ValueError as error:
            self._report(
                f"FM_OTEL_PSEUDONYM_KEY refused: {error}; user ids are replaced by a marker"
            )
            return None, True

    def _guarded(self, step: Callable[[str], str], s: str) -> str:
        try:
            return step(s)
        except RedactionError:
            raise
        except Exception as error:  # noqa: BLE001 - total: whatever it was, no raw text
            raise RedactionError(type(error).__name__) from None

    def _text(self, s: str) -> str:
        if len(s) <= MEMO_LENGTH and s.isascii() and self._plain.get(scan.folded(s)):
            return s
        long = len(s) > WINDOW + GUARD
        result = clean = normalise.clean_text(s[: WINDOW + GUARD] if long else s)
        # Again until nothing is found: what stands beside a marker may read differently.
        for _ in range(_ROUNDS):
            seen = normalise.without_invisible(result)
            called = scan.detectors(seen)
            spans = self._spans(seen, called)
            if not spans:
                break
            limit = WINDOW if long and result is clean else len(seen)
            result = applied(seen, self._counted(merged(spans)), limit)
        if long and result is clean:
            result = applied(clean, [], WINDOW)
        result = self._customised(result)
        if result is s and len(s) <= MEMO_LENGTH:
            self._remember(s, uncalled=not called)
        return result

    def _spans(self, text: str, called: list[Iterable[Span]]) -> list[Span]:
        spans = scan.spans_of(text, called)
        if self._user.rules or self._user.allowed:
            clock = scan.Clock(0)
            spans = self._user.applied_to(text, spans)
            clock.check()
        if self._hide_hosts:
            spans.extend(hosts.host_spans(text))
        spans.extend(scan.path_spans(text, self._root))
        if spans and "[REDACTED:" in text:
            spans = [span for span in outside_markers(text, spans) if span.start < span.end]
        return spans

    def _remember_frames(self, frames: str, clean: str) -> None:
        if len(self._frames) >= MAX_FRAMES:
            self._frames.clear()
        if len(frames) <= MAX_FRAMES_LENGTH:
            self._frames[frames] = clean

    def _remember(self, s: str, *, uncalled: bool) -> None:
        """Remember ``s``, and by its digits' places alone what nothing could be found in."""
        if len(self._clean) >= MEMO_SIZE:
            self._clean.clear()
        self._clean.add(s)
        if uncalled and self._alone and s.isascii():
            if len(self._plain) >= MEMO_SIZE:
                self._plain.clear()
            # Asked for the second such message: most lines have no sister.
            folded = scan.folded(s)
            self._plain[folded] = scan.is_plain(s) if folded in self._plain else None

    def _counted(self, spans: list[Span]) -> list[Span]:
        for span in spans:
            self.counts[span.rule] = self.counts.get(span.rule, 0) + 1
        return spans

    def _customised(self, s: str) -> str:
        if self._custom is None:
            return s
        start = time.perf_counter()
        result = self._custom(s)
        if time.perf_counter() - start > CUSTOM_SECONDS:
            raise OutOfTimeError("custom")
        if not isinstance(result, str):
            raise RedactionError("custom")
        return s if result == s else str(result)

    def _prefixes(self, s: str) -> str:
        clean = normalise.clean_text(s[: WINDOW + GUARD] if len(s) > WINDOW + GUARD else s)
        spans = scan.prefix_spans(clean)
        return applied(clean, self._counted(merged(spans)), len(clean)) if spans else clean

    def _identifier(self, name: str, v: str) -> str:
        if name == "user_id":
            return self._user_id(v)
        if _ID.fullmatch(v):
            return self._prefixes(v)
        if self._pseudonyms is not None:
            return self._pseudonyms.short_hash(name, v)
        clean = self._text(v)
        return clean if "[REDACTED:" in clean else _ODD_ID.sub("_", clean)[:128]

    def _user_id(self, v: str) -> str:
        if self._pseudonyms is not None:
            return self._pseudonyms("user_id", v)
        if self._key_refused:
            return "[REDACTED:user_id]"
        clean = self._text(v)
        return clean[:128] if "[REDACTED:" not in clean else clean

    def _mapping(self, d: dict[str, Any], depth: int) -> dict[str, Any]:
        changed: dict[str, Any] | None = None
        plain, clean = self._plain_keys, self._clean
        for key, v in d.items():
            if key in plain:
                kind = type(v)
                if kind in _NUMBERS or (kind is str and v in clean):
                    continue
                if kind is list and _NUMBERS.issuperset(map(type, v)):
                    continue
                new = self._deeper(v, depth) if kind is dict else self._value(key, v, depth)
            else:
                new = self._value(key, v, depth)
            new_key = key if key in self._clean else self._key(key)
            if new is not v or new_key is not key:
                changed = {} if changed is None else changed
                changed[key] = (new_key, new)
        if not _HELD.isdisjoint(d):
            changed = self._named_values(d, changed, depth)
        if "code" in d:
            changed = self._one_time_code(d, changed)
        if "kty" in d:
            changed = self._web_key(d, changed)
        if changed is None:
            return d
        result: dict[str, Any] = {}
        for key, v in d.items():
            new_key, new = changed.get(key, (key, v))
            while new_key in result:
                new_key += "_"
            result[new_key] = new
        return result

    def _note_plain(self, key: str) -> None:
        """Remember a key that says nothing about its value: the value alone decides."""
        if key in _FIELDS:
            return
        if len(self._plain_keys) >= MAX_PLAIN_KEYS:
            self._plain_keys.clear()
        if self._key(key) is key:
            self._plain_keys.add(key)

    def _named_values(
        self, d: dict[str, Any], changed: dict[str, Any] | None, depth: int
    ) -> dict[str, Any] | None:
        """Treat ``{"name": "DB_PASSWORD", "value": ...}`` as that name and value."""
        name: Any = next((d[n] for n in _NAMES if type(d.get(n)) is str), None)
        keys: list[str] = [key for key in _VALUES if key in d]
        if "input" in d and type(d.get("loc")) is list and d["loc"]:
            name, keys = d["loc"][-1], ["input"]
        found = classify(name) if type(name) is str else NOT_SECRET
        again = next((key for key in _AGAIN if type(d.get(key)) is str), None)
        if again and name is None:
            found = max(map(classify, d), key=lambda other: other.tier)
            name, keys = ("password", [again]) if found.tier is Tier.PASSWORD else (None, [])
        if found.tier < Tier.WEAK:
            return changed
        for key in keys:
            if type(d[key]) is not dict and (changed is None or key not in changed):
                new = self._under(name, found, d[key], depth)
                changed = changed if new is d[key] else {**(changed or {}), key: (key, new)}
        return changed

    def _one_time_code(
        self, d: dict[str, Any], changed: dict[str, Any] | None
    ) -> dict[str, Any] | None:
        """Replace a code that its neighbours make one for logging in: ``channel: sms``."""
        code = d["code"]
        if type(code) is int and 999 < code < 100_000_000:
            code = str(code)
        if type(code) is not str or not 4 <= len(code) <= 8 or not code.isdigit():
            return changed
        line = ", ".join(f'"{key}": "{v}"' for key, v in d.items() if type(v) in (str, int))[
            :MAX_COMMAND
        ]
        at = line.find(f'"code": "{code}"') + len('"code": "')
        spans = [span for span in codes.code_spans(line, line.lower()) if span.start == at]
        return (
            {**(changed or {}), "code": ("code", f"[REDACTED:{self._counted(spans)[0].rule}]")}
            if spans
            else changed
        )

    def _web_key(self, d: dict[str, Any], changed: dict[str, Any] | None) -> dict[str, Any] | None:
        """Replace the private parts of a JSON Web Key (RFC 7518)."""
        private = {
            k: (k, "[REDACTED:private_key]")
            for k in _WEB_KEY
            if type(d.get(k)) is str and len(d[k]) > 15
        }
        self._counted([Span(0, 1, "private_key")] * len(private))
        return {**(changed or {}), **private} if private else changed

    def _key(self, key: str) -> str:
        return self._text(key) if len(key) > 15 or "@" in key else key

    def _value(self, key: str, v: object, depth: int) -> object:
        if v is None or v is True or v is False:
            return v
        field = _FIELDS.get(key) if depth == 0 else None
        if field is not None and field.safe:
            return self._safe(field, v)
        if self._user.rules and type(v) in (str, int, float):
            own = self._user.rule_of_key(key)
            if own is not None:
                self._counted([Span(0, 1, own)])
                return f"[REDACTED:{own}]"
        found = classify(key)
        if found.tier and not self._user.is_safe(key):
            return self._under(key, found, v, depth)
        if not found.tier and not self._user.rules and key not in self._plain_keys:
            self._note_plain(key)
        if type(v) is str:
            if key in _IN_WORDS or (_PHONE_KEY.search(key) and any(map(str.isdigit, v))):
                return self._in_words(key, v)
            return v if v in self._clean else self._text(v)
        if type(v) is dict:
            return self._deeper(v, depth)
        if type(v) is list:
            return self._list(key, v, depth)
        return v

    def _in_words(self, key: str, v: str) -> str:
        """Return ``v`` as the rules for text leave it where it stands behind its key."""
        before, after = f'"{key}": "', '"'
        clean = self._text(f"{before}{v}{after}")
        return (
            clean[len(before) : -len(after)]
            if clean.startswith(before) and clean.endswith(after)
            else self._text(v)
        )

    def _deeper(self, v: dict[str, Any], depth: int) -> dict[str, Any]:
        if depth >= MAX_DEPTH:
            raise RedactionError("depth")
        return self._mapping(v, depth + 1)

    def _safe(self, field: Field, v: object) -> object:
        if field.kind is not Kind.STRING or type(v) is not str:
            return v if type(v) in (int, float) else self._value("", v, 1)
        if field.name in _IDS:
            return self._identifier(field.name, v)
        return v if v in self._clean else self._prefixes(v)

    def _list(self, key: str, v: list[Any], depth: int) -> list[Any]:
        if depth >= MAX_DEPTH:
            raise RedactionError("depth")
        if _NUMBERS.issuperset(map(type, v)):
            return v
        new = [self._value(key, item, depth + 1) for item in v]
        if (
            _ALL_TEXT.issuperset(map(type, v))
            and len(v) <= MAX_ARGUMENTS
            and sum(map(len, v)) <= MAX_COMMAND
        ):
            if key == "auth" and len(v) == 2:
                new[1] = self._under("password", _PASSWORD, v[1], depth + 1)
            for number, span in listed_spans(v):
                if new[number] is v[number]:
                    new[number] = applied(v[number], self._counted([span]), len(v[number]))
        for at, name in enumerate(v[:-1]):
            # ["--token", "..."] and ["authorization", "..."]: the value's name stands before it.
            if (
                type(name) is str
                and type(v[at + 1]) is str
                and name
                and (name[0] == "-" or len(v) == 2)
            ):
                found = classify(name)
                least = Tier.WEAK if name[0] == "-" else Tier.SECRET
                if (
                    found.tier >= least
                    and v[at + 1][:1] != "-"
                    and (name[0] == "-" or not (v[at + 1].isalpha() or classify(v[at + 1]).tier))
                ):
                    new[at + 1] = self._under(name, found, v[at + 1], depth + 1)
        return v if all(a is b for a, b in zip(new, v, strict=True)) else new

    def _under(self, key: str, found: Any, v: object, depth: int) -> object:
        """Return ``v``, which stands under a sensitive key: leaf by leaf."""
        if type(v) is dict:
            if found.tier is Tier.WEAK:
                return self._deeper(v, depth)
            if found.rule == "cookie":
                return {
                    k: item
                    if _is_preference(k, item)
                    else self._under(key, found, item, depth + 1)
                    for k, item in v.items()
                }
            return {
                k: item
                if k in _PLAIN_LEAVES or _is_setting(k, item)
                else self._under(f"{k}_{key}", found, item, depth + 1)
                for k, item in v.items()
            }
        if type(v) is list:
            return self._list(key, v, depth)
        if type(v) is float or v is None or isinstance(v, bool):
            return v
        raw = v if type(v) is str else str(v)
        if "[REDACTED:" in raw:
            return self._text(raw)
        spans = assignments.scalar_spans(found, normalise.clean_text(raw))
        if spans:
            return applied(normalise.clean_text(raw), self._counted(spans), len(raw))
        return self._text(raw) if type(v) is str else v


def _is_preference(name: str, v: object) -> bool:
    """Tell whether a cookie holds a choice such as a language, and no login."""
    if type(v) is int:
        return v < 10_000
    return (
        type(v) is str
        and len(v) <= (16 if v.islower() else 8)
        and LOGIN_COOKIE.search(name.lower()) is None
        and v.isalpha()
    )


def _is_setting(key: str, v: object) -> bool:
    """Tell whether ``v`` is a number that rules passwords: ``password: {min_length: 12}``."""
    return (
        type(v) in (int, float)
        and not classify(key).tier
        and key not in _SAYS_NOTHING
        and not key.isdigit()
    )
