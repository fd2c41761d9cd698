"""Any Python value as a JSON value, whatever it is and whatever it does.

:func:`freeze` copies a value at the logging call, so that later changes to it are invisible, and
:func:`message_of` formats the message there. Neither raises an ``Exception``, looks at more than
:data:`MAX_NODES` values, or runs code of the value's class other than ``str()`` and ``repr()``
and, for mappings and sequences that are no builtins, their iteration. What had to be changed is
told in one word each:

===============  ===========================================================================
``surrogate``    a lone surrogate became U+FFFD
``cycle``        a container that holds itself: ``<cycle>``
``too_deep``     nested deeper than :data:`MAX_DEPTH`: ``<max depth>``
``too_many``     more items than :data:`MAX_ITEMS`, or :data:`MAX_NODES` in all: ``<+N items>``
``too_long``     a text or key over its limit was cut
``not_finite``   NaN and infinities became ``NaN``, ``Infinity``, ``-Infinity``
``big_int``      an integer over 64 bits became its decimal digits
``bad_key``      a key that is no string, or that clashed after its change
``empty_key``    an item under an empty key was left out
``mutating``     a mapping that kept changing while it was read: ``<mutating>``
``unprintable``  ``str()`` or ``repr()`` raised: ``<unprintable Type: Error>``
``repr``         an object of unknown type stands as its ``repr()``
``bad_args``     arguments that do not fit the message follow it in brackets
===============  ===========================================================================

Conversions that keep the value need no word: tuple, set, deque, range and views become lists,
dataclasses, attrs classes, pydantic models and mappings become objects (without fields declared
``repr=False``), enums their value, dates ISO 8601, ``Decimal``, ``UUID``, paths and addresses
their text, exceptions ``Type: text``, bytes UTF-8 text or else base64, subclasses of ``str``,
``int``, ``float``, ``dict`` and ``list`` the base value, numpy scalars Python numbers. Iterators
and generators are never consumed.
"""

from __future__ import annotations

import binascii
import codecs
import datetime as dt
from collections import deque
from collections.abc import Mapping, MappingView, Sequence
from collections.abc import Set as AbstractSet
from enum import Enum
from itertools import islice
from types import GetSetDescriptorType, MemberDescriptorType
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MAX_STRING: Final = 64 * 1024
"""Characters of one string, the message included."""
MAX_KEY: Final = 128
MAX_ATTRIBUTES: Final = 128
"""User attributes of one record."""
MAX_DEPTH: Final = 16
MAX_ITEMS: Final = 64
"""Items of one container."""
MAX_NODES: Final = 1024
"""Values inside one attribute, all levels together."""
MAX_STACK: Final = 32 * 1024
MAX_LINE: Final = 256 * 1024
"""Bytes of one JSON line."""
MAX_BYTES: Final = 1024 * 1024
"""Bytes of one bytes value that are looked at."""
MAX_BINARY: Final = 3 * 1024
"""Bytes of one binary value that are shown, as base64."""
MAX_SHOWN_ARGUMENTS: Final = 16
MAX_SHOWN_ARGUMENT: Final = 1024

SCALARS: Final[frozenset[type]] = frozenset((str, int, float, bool, type(None)))
"""Exact types that are immutable and JSON: a record may refer to them as they are."""

_STRICT: Final = orjson.OPT_STRICT_INTEGER
"""Refuses integers over 53 bits: some of them have a rule of their own."""
_LEAVES: Final = frozenset((str, int, bool))
_INT_MIN: Final = -(2**63)
_INT_END: Final = 2**63
_ATTEMPTS: Final = 3
_TEXT_MODULES: Final = frozenset(("decimal", "fractions", "ipaddress", "pathlib", "uuid"))
_ARRAY_MODULES: Final = frozenset(("numpy", "pandas", "polars", "torch", "jax", "cupy"))

# Read past the metaclass: a class may lie about its name, its bases and its hash.
_mro: Final = cast("Callable[[type], tuple[type, ...]]", type.__dict__["__mro__"].__get__)
_qualname: Final = cast("Callable[[type], str]", type.__dict__["__qualname__"].__get__)
_module: Final = cast("Callable[[type], object]", type.__dict__["__module__"].__get__)
_members: Final = cast("Callable[[type], Mapping[str, Any]]", type.__dict__["__dict__"].__get__)


class _OddError(Exception):
    """The fast copy met something it does not know."""


def cut(text: str, limit: int, length: int | None = None) -> str:
    """Return ``text`` in at most ``limit`` characters, with a marker that tells its length.

    ``length`` is the length to tell where ``text`` is but the first part of something longer.
    """
    length = length or len(text)
    if length <= limit:
        return text
    marker = f"<cut: {length} characters>"
    return text[: max(limit - len(marker), 0)] + marker[:limit]


def note(notes: list[str], word: str) -> None:
    """Add ``word`` to ``notes`` once."""
    if word not in notes:
        notes.append(word)


def well_formed(text: str, notes: list[str]) -> str:
    """Return ``text`` without lone surrogates; the same object when it has none."""
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        note(notes, "surrogate")
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def type_name(kind: type) -> str:
    """Return the module-qualified name of ``kind``, the bare one of a builtin."""
    module, name = _module(kind), _qualname(kind)
    return f"{module}.{name}" if isinstance(module, str) and module != "builtins" else name


def text_of(value: object, notes: list[str], convert: Callable[[Any], str] = str) -> str:
    """Return ``str(value)`` as an exact ``str``, or a placeholder when it raises."""
    try:
        return str.__str__(convert(value))
    except Exception as error:  # noqa: BLE001 - the class of the value may raise anything
        note(notes, "unprintable")
        return f"<unprintable {_qualname(type(value))}: {_qualname(type(error))}>"


def freeze(value: object, notes: list[str]) -> object:
    """Return ``value`` as a JSON value that shares nothing mutable with it."""
    kind = type(value)
    if kind is dict or kind is list or kind is tuple:
        try:
            copy_plain = _plain_dict if kind is dict else _plain_list
            return copy_plain(value, MAX_NODES)
        except Exception:  # noqa: BLE001, S110 - also RecursionError: the walk copes with it
            pass
    try:
        return _Walk(notes).copy(value, 1)
    except Exception as error:  # noqa: BLE001 - a logging call never raises
        note(notes, "unprintable")
        return f"<unprintable {_qualname(type(value))}: {_qualname(type(error))}>"


def json_members(extras: dict[str, object]) -> bytes | None:
    """Return plain values under their keys as the members of a JSON object, without its braces.

    None for whatever :func:`freeze` must look at: other types, more than two levels, large
    containers, numbers and keys with a rule of their own. ``bytes`` of their own size: what
    orjson returns keeps a buffer of four kilobytes alive.
    """
    try:
        for value in extras.values():
            kind = type(value)
            if kind is str or kind is int or kind is bool:
                continue
            if kind is float:
                # NaN and the infinities differ from themselves.
                if value - value != 0:  # type: ignore[operator]  # is a float
                    return None
            elif not (kind is dict or kind is list) or not _shallow(value, kind):
                return None
        return orjson.dumps(extras, None, _STRICT)[1:-1]
    except Exception:  # noqa: BLE001 - keys or texts that JSON cannot have, integers too large
        return None


def _shallow(value: Any, kind: type) -> bool:
    """Return whether a container is small, plain and of no more than two levels."""
    if len(value) > MAX_ITEMS:
        return False
    if kind is dict:
        for key in value:
            if not 0 < len(key) <= MAX_KEY:
                return False
        value = value.values()
    for item in value:
        inner = type(item)
        if inner is str or inner is int or inner is bool:
            continue
        if inner is float:
            if item - item != 0:
                return False
        elif inner is not list or len(item) > MAX_ITEMS or not _LEAVES.issuperset(map(type, item)):
            return False
    return True


def tidy(value: object, notes: list[str]) -> object:
    """Return the JSON value of a scalar that the record refers to as it is."""
    kind = type(value)
    if kind is str:
        return well_formed(cast("str", value), notes)
    if kind is float:
        return _finite(cast("float", value), notes)
    if kind is int:
        return _int64(cast("int", value), notes)
    return value


def message_of(msg: object, args: object, notes: list[str]) -> str:
    """Return what ``LogRecord.getMessage`` gives, or the best that can be said instead.

    Arguments that do not fit their template follow it by their ``repr()``.
    """
    template = msg if type(msg) is str else _message(msg, notes)
    if type(args) is tuple:
        if not args:
            return template
    elif not _present(args):
        return template
    try:
        return template % args
    except Exception:  # noqa: BLE001 - wrong arguments, or their own str() raises
        return _mismatched(template, args, notes)


def _message(msg: object, notes: list[str]) -> str:
    # Never isinstance(): it asks the object for its __class__, which may raise.
    kind = type(msg)
    if issubclass(kind, (bytes, bytearray)):
        return bytes(memoryview(cast("bytes", msg))[:MAX_BYTES]).decode(errors="replace")
    if issubclass(kind, str):
        return str.__str__(cast("str", msg))
    if (kind is dict or kind is list or kind is tuple) and len(cast("Any", msg)) > MAX_ITEMS:
        return repr(freeze(msg, notes))
    return text_of(msg, notes)


def _present(args: object) -> bool:
    try:
        return bool(args)
    except Exception:  # noqa: BLE001 - a mapping of the application's own class
        return True


def _mismatched(template: str, args: object, notes: list[str]) -> str:
    """Show ``template`` and ``args`` apart, after one try with a lone mapping unpacked."""
    if type(args) is tuple and len(args) == 1 and "%(" in template:
        try:
            return cast("str", template % args[0])
        except Exception:  # noqa: BLE001, S110 - the first failure stands
            pass
    note(notes, "bad_args")
    shown = args if type(args) is tuple else (args,)
    texts = [
        cut(repr(freeze(one, notes)), MAX_SHOWN_ARGUMENT) for one in shown[:MAX_SHOWN_ARGUMENTS]
    ]
    if len(shown) > MAX_SHOWN_ARGUMENTS:
        texts.append(_more(len(shown) - MAX_SHOWN_ARGUMENTS))
    return f"{template} [arguments: {', '.join(texts)}]"


def _plain_dict(items: Any, room: int) -> dict[object, Any]:
    """Copy a small, clean tree of dicts, lists and tuples; raise on anything else.

    ``room`` bounds what is looked at: the items of a container share it, so that a broad tree
    ends as soon as a deep one, after ten levels at most. The loops test scalars in place, a call
    for each would double their cost.
    """
    count = len(items)
    if count > MAX_ITEMS or count > room:
        raise _OddError
    copy: dict[object, Any] = items.copy()
    for key, item in copy.items():
        if type(key) is not str or not 0 < len(key) <= MAX_KEY or not key.isascii():
            raise _OddError
        kind = type(item)
        if kind is str:
            if not item.isascii():
                item.encode()
        elif kind is int:
            if not _INT_MIN <= item < _INT_END:
                raise _OddError
        elif kind is dict:
            copy[key] = _plain_dict(item, room // (count + 1))
        elif kind is list or kind is tuple:
            copy[key] = _plain_list(item, room // (count + 1))
        elif kind is float:
            # NaN and the infinities differ from themselves.
            if item - item != 0:
                raise _OddError
        elif item is not None and kind is not bool:
            raise _OddError
    return copy


def _plain_list(items: Any, room: int) -> list[Any]:
    count = len(items)
    if count > MAX_ITEMS or count > room:
        raise _OddError
    copy = list(items)
    for place, item in enumerate(copy):
        kind = type(item)
        if kind is str:
            if not item.isascii():
                item.encode()
        elif kind is int:
            if not _INT_MIN <= item < _INT_END:
                raise _OddError
        elif kind is dict:
            copy[place] = _plain_dict(item, room // (count + 1))
        elif kind is list or kind is tuple:
            copy[place] = _plain_list(item, room // (count + 1))
        elif kind is float:
            if item - item != 0:
                raise _OddError
        elif item is not None and kind is not bool:
            raise _OddError
    return copy


def _finite(value: float, notes: list[str]) -> float | str:
    if not value - value:
        return value
    note(notes, "not_finite")
    if value != value:  # noqa: PLR0124 - NaN
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


def _int64(value: int, notes: list[str]) -> int | str:
    if _INT_MIN <= value < _INT_END:
        return value
    note(notes, "big_int")
    try:
        return str(value)
    except ValueError:  # over the interpreter's limit of digits
        return f"<int of {value.bit_length()} bits>"


def _more(count: int) -> str:
    return f"<+{count} items>"


class _Walk:
    """One walk over one value: where it is, what it may still look at, what it changed."""

    __slots__ = ("_left", "_notes", "_path")

    def __init__(self, notes: list[str]) -> None:
        self._notes = notes
        self._left = MAX_NODES
        self._path: set[int] = set()

    def copy(self, value: Any, depth: int) -> object:
        """Return ``value`` as a JSON value; ``depth`` counts the containers around it."""
        if value is None or value is True or value is False:
            return value
        if depth > MAX_DEPTH + 1:
            note(self._notes, "too_deep")
            return "<max depth>"
        for base in _mro(type(value)):
            convert = _CONVERSIONS.get(id(base))
            if convert is not None:
                return convert(self, value, depth)
        return self._object(value, depth)

    def text(self, value: str, _depth: int) -> str:
        return well_formed(str.__str__(value), self._notes)

    def integer(self, value: int, _depth: int) -> int | str:
        return _int64(int.__int__(value), self._notes)

    def number(self, value: float, _depth: int) -> float | str:
        return _finite(float.__float__(value), self._notes)

    def binary(self, value: bytes | bytearray | memoryview, _depth: int) -> str:
        view = memoryview(value)
        total = view.nbytes
        flat = view.cast("B") if view.c_contiguous else memoryview(view.tobytes())
        data = bytes(flat[:MAX_BYTES])
        if total > MAX_BYTES:
            note(self._notes, "too_long")
        try:
            return codecs.utf_8_decode(data, "strict", total <= MAX_BYTES)[0]
        except UnicodeDecodeError:
            shown = binascii.b2a_base64(data[:MAX_BINARY], newline=False).decode()
        if total <= MAX_BINARY:
            return shown
        note(self._notes, "too_long")
        return f"{shown}<+{total - MAX_BINARY} bytes>"

    def moment(self, value: Any, _depth: int) -> str:
        # A subclass may be "not a time", which only its own str() knows.
        if _module(type(value)) == "datetime":
            return text_of(value, self._notes, type(value).isoformat)
        return self._safe(value, str)

    def by_str(self, value: object, _depth: int) -> str:
        return self._safe(value, str)

    def exception(self, value: BaseException, _depth: int) -> str:
        text = self._safe(value, str)
        return f"{type_name(type(value))}: {text}" if text else type_name(type(value))

    def kind(self, value: type, _depth: int) -> str:
        return self.text(type_name(value), _depth)

    def member(self, value: Enum, depth: int) -> object:
        return self.copy(object.__getattribute__(value, "_value_"), depth + 1)

    def mapping(self, value: dict[Any, Any], depth: int) -> object:
        return self._mapping(value, lambda: dict.items(value), dict.__len__(value), depth)

    def sequence(self, value: list[Any] | tuple[Any, ...], depth: int) -> object:
        base: Any = list if isinstance(value, list) else tuple
        return self._list(value, base.__iter__(value), base.__len__(value), depth)

    def collection(self, value: set[Any] | frozenset[Any] | deque[Any], depth: int) -> object:
        base: Any = next(t for t in (set, frozenset, deque) if issubclass(type(value), t))
        copied = self._list(value, base.__iter__(value), base.__len__(value), depth)
        # The order of a set of strings differs from run to run.
        if base is not deque and isinstance(copied, list) and all(type(i) is str for i in copied):
            copied.sort()
        return copied

    def numbers(self, value: range, depth: int) -> object:
        total = max(0, -(-(value.stop - value.start) // value.step))
        return self._list(value, iter(value), total, depth)

    def _safe(self, value: object, convert: Callable[[Any], str]) -> str:
        text = text_of(value, self._notes, convert)
        if len(text) > MAX_BYTES:
            note(self._notes, "too_long")
            text = cut(text, MAX_BYTES)
        return well_formed(text, self._notes)

    def _object(self, value: Any, depth: int) -> object:
        kind = type(value)
        if _registered(kind, (Mapping,)):
            return self._mapping(value, lambda: _items(value, self._notes), None, depth)
        if _registered(kind, (Sequence, AbstractSet, MappingView)):
            return self._list(value, iter(value), None, depth)
        fields = _declared(kind)
        if fields is not None:
            stored = {name: _stored(value, name) for name in fields}
            stored = {name: item for name, item in stored.items() if item is not _ABSENT}
            return self._mapping(value, stored.items, len(stored), depth)
        modules = {str(_module(base)).partition(".")[0] for base in _mro(kind)}
        if modules & _TEXT_MODULES:
            return self._safe(value, str)
        if modules & _ARRAY_MODULES:
            return self._array(value, depth)
        note(self._notes, "repr")
        return self._safe(value, repr)

    def _array(self, value: Any, depth: int) -> object:
        """Show numbers as numbers and never print a large array, frame or tensor."""
        shape = getattr(value, "shape", None)
        if type(shape) is tuple and not shape:
            number = value.item()
            plain = type(number) in SCALARS
            return self.copy(number, depth + 1) if plain else self._safe(value, str)
        if type(shape) is tuple and len(shape) == 1 and hasattr(value, "tolist"):
            return self._list(value, iter(value[:MAX_ITEMS].tolist()), shape[0], depth)
        note(self._notes, "repr")
        if type(shape) is tuple:
            return f"<{_qualname(type(value))} {shape!r}>"
        return self._safe(value, repr)

    def _enter(self, value: object, depth: int) -> str | None:
        """Note ``value`` as being walked, or return the marker that stands for it."""
        if id(value) in self._path:
            note(self._notes, "cycle")
            return "<cycle>"
        if depth > MAX_DEPTH:
            note(self._notes, "too_deep")
            return "<max depth>"
        self._path.add(id(value))
        return None

    def _take(self) -> int:
        return min(MAX_ITEMS, self._left)

    def _list(
        self, value: object, items: Iterator[Any], total: int | None, depth: int
    ) -> object:
        marker = self._enter(value, depth)
        if marker is not None:
            return marker
        room = self._take()
        taken = list(islice(items, room + 1))
        self._left -= min(room, len(taken))
        copied = [self._item(item, depth) for item in taken[:room]]
        if len(taken) > room or (total or 0) > len(taken):
            note(self._notes, "too_many")
            copied.append("<more items>" if total is None else _more(total - len(copied)))
        self._path.discard(id(value))
        return copied

    def _mapping(
        self,
        value: object,
        items: Callable[[], Iterable[tuple[Any, Any]]],
        total: int | None,
        depth: int,
    ) -> object:
        marker = self._enter(value, depth)
        if marker is not None:
            return marker
        room = self._take()
        taken = self._settled(items, room + 1)
        if taken is None:
            self._path.discard(id(value))
            return "<mutating>"
        self._left -= min(room, len(taken))
        copied: dict[str, object] = {}
        for key, item in taken[:room]:
            name = self._key(key, copied)
            if name:
                copied[name] = self._item(item, depth)
        if len(taken) > room:
            note(self._notes, "too_many")
            copied["<more>"] = "<more items>" if total is None else _more(total - room)
        self._path.discard(id(value))
        return copied

    def _settled(
        self, items: Callable[[], Iterable[tuple[Any, Any]]], count: int
    ) -> list[tuple[Any, Any]] | None:
        """Take ``count`` items of a mapping that may be changing in another thread."""
        for _ in range(_ATTEMPTS):
            try:
                return list(islice(items(), count))
            except RuntimeError:
                continue
        note(self._notes, "mutating")
        return None

    def _item(self, item: object, depth: int) -> object:
        """Copy one item: what fails inside it costs only that item."""
        try:
            return self.copy(item, depth + 1)
        except Exception as error:  # noqa: BLE001 - the item's class may raise anything
            note(self._notes, "unprintable")
            return f"<unprintable {_qualname(type(item))}: {_qualname(type(error))}>"

    def _key(self, key: object, taken: dict[str, object]) -> str:
        if type(key) is str:
            name = well_formed(key, self._notes)
        else:
            note(self._notes, "bad_key")
            name = well_formed(self._key_text(key), self._notes)
        if not name:
            note(self._notes, "empty_key")
            return ""
        if len(name) > MAX_KEY:
            note(self._notes, "too_long")
            name = name[: MAX_KEY - 1] + "…"
        return name if name not in taken else self._apart(name, taken)

    def _key_text(self, key: object) -> str:
        kind = type(key)
        if issubclass(kind, str):
            return str.__str__(cast("str", key))
        if issubclass(kind, bytes):
            return bytes(memoryview(cast("bytes", key))[:MAX_KEY]).decode(errors="replace")
        if issubclass(kind, Enum):
            key = object.__getattribute__(key, "_value_")
        return text_of(key, self._notes)

    def _apart(self, name: str, taken: dict[str, object]) -> str:
        note(self._notes, "bad_key")
        suffixes = (f"_{number}" for number in range(2, MAX_ITEMS + 3))
        return next(
            key for s in suffixes if (key := name[: MAX_KEY - len(s)] + s) not in taken
        )


def _registered(kind: type, interfaces: tuple[type, ...]) -> bool:
    try:
        return issubclass(kind, interfaces)
    except Exception:  # noqa: BLE001 - a class that cannot be hashed, among others
        return False


def _items(value: Mapping[Any, Any], notes: list[str]) -> Iterator[tuple[Any, Any]]:
    """Iterate over a foreign mapping; a value that cannot be read gives a placeholder."""
    for key in value:
        try:
            item = value[key]
        except Exception as error:  # noqa: BLE001 - code of the application
            note(notes, "unprintable")
            item = f"<unprintable: {_qualname(type(error))}>"
        yield key, item


_ABSENT: Final = object()


def _static(kind: type, name: str) -> Any:
    """Look ``name`` up on a class without running descriptors or metaclass code."""
    for base in _mro(kind):
        members = _members(base)
        if name in members:
            return members[name]
    return _ABSENT


def _declared(kind: type) -> list[str] | None:
    """Return the field names a data class declares for its repr; None for other classes."""
    for attribute in ("__dataclass_fields__", "__pydantic_fields__", "__fields__"):
        fields = _static(kind, attribute)
        if isinstance(fields, dict):
            return [n for n, f in fields.items() if type(n) is str and _shown(f)]
    attributes = _static(kind, "__attrs_attrs__")
    if isinstance(attributes, tuple):
        return [a.name for a in attributes if a.repr]
    return None


def _shown(field: Any) -> bool:
    """Whether a field may be shown: ``repr=False`` keeps it out, as do pseudo-fields."""
    kind = str(getattr(field, "_field_type", "_FIELD"))
    return bool(getattr(field, "repr", True)) and kind == "_FIELD"


def _stored(value: object, name: str) -> Any:
    """Return the stored attribute ``name``, never one that has to be computed or fetched."""
    slot = _static(type(value), name)
    if isinstance(slot, (MemberDescriptorType, GetSetDescriptorType)):
        try:
            return slot.__get__(value)
        except AttributeError:
            return _ABSENT
    try:
        stored = object.__getattribute__(value, "__dict__")
    except AttributeError:
        return _ABSENT
    return stored.get(name, _ABSENT) if type(stored) is dict else _ABSENT


# Keyed by identity, for a metaclass may define __hash__ or __eq__; builtin types live for ever.
_CONVERSIONS: Final[dict[int, Callable[[_Walk, Any, int], object]]] = {
    id(str): _Walk.text,
    id(int): _Walk.integer,
    id(float): _Walk.number,
    id(bytes): _Walk.binary,
    id(bytearray): _Walk.binary,
    id(memoryview): _Walk.binary,
    id(dict): _Walk.mapping,
    id(list): _Walk.sequence,
    id(tuple): _Walk.sequence,
    id(set): _Walk.collection,
    id(frozenset): _Walk.collection,
    id(deque): _Walk.collection,
    id(range): _Walk.numbers,
    id(complex): _Walk.by_str,
    id(dt.datetime): _Walk.moment,
    id(dt.date): _Walk.moment,
    id(dt.time): _Walk.moment,
    id(dt.timedelta): _Walk.by_str,
    id(Enum): _Walk.member,
    id(type): _Walk.kind,
    id(BaseException): _Walk.exception,
}
