"""The protobuf wire format, as much of it as OTLP logs need, without the protobuf package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL: Final = tuple(bytes((number,)) for number in range(128))
"""The numbers of one byte, encoded."""

_FIXED: Final = {1: 8, 5: 4}


def varint(number: int) -> bytes:
    """Encode a non-negative number."""
    if number < 128:
        return SMALL[number]
    if number < 16384:
        return bytes((number & 127 | 128, number >> 7))
    encoded = bytearray()
    while number > 127:
        encoded.append(number & 127 | 128)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def int64(number: int) -> bytes:
    """Encode a signed number as two's complement varint."""
    if 0 <= number < 16384:
        return varint(number)
    if not -(2**63) <= number < 2**63:
        message = "integer beyond 64 bits"
        raise OverflowError(message)
    return varint(number & 0xFFFF_FFFF_FFFF_FFFF)


def tag(field: int, wire_type: int) -> bytes:
    """Encode a field's tag."""
    return varint(field << 3 | wire_type)


def block(field: int, payload: bytes) -> bytes:
    """Encode a length-delimited field: a string, bytes or a message."""
    return tag(field, 2) + varint(len(payload)) + payload


def read(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield number and value of each field; fixed-width values as bytes.

    Raises ``ValueError`` when the bytes are not a protobuf message.
    """
    for field, value, _ in scan(message):
        yield field, value


def scan(message: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """Yield number, value and whole encoding of each field; raises as :func:`read` does."""
    at = 0
    while at < len(message):
        start = at
        head, at = _read_varint(message, at)
        wire_type = head & 7
        if wire_type == 0:
            number, at = _read_varint(message, at)
            yield head >> 3, number, message[start:at]
            continue
        if wire_type == 2:
            size, at = _read_varint(message, at)
        elif wire_type in _FIXED:
            size = _FIXED[wire_type]
        else:
            reason = f"wire type {wire_type}"
            raise ValueError(reason)
        if at + size > len(message):
            reason = "message ends inside a field"
            raise ValueError(reason)
        value = message[at : at + size]
        at += size
        yield head >> 3, value, message[start:at]


def _read_varint(message: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while shift < 70 and at < len(message):
        byte = message[at]
        at += 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
        shift += 7
    reason = "message ends inside a number"
    raise ValueError(reason)
