"""Walking protobuf's wire format without building any object: https://protobuf.dev/programming-guides/encoding

Every length is checked against the bytes that are there, so a truncated or forged file ends here and not
in a parser.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


class Damaged(ValueError):
    """The bytes are not a whole protobuf message; `offset` is where that shows."""

    def __init__(self, offset: int, message: str) -> None:
        super().__init__(message)
        self.offset = offset


@dataclass(frozen=True)
class Field:
    """One field: a number for varints, else the bytes [start, end) of the file."""

    number: int
    value: int
    start: int
    end: int
    is_bytes: bool


def varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """(value, next offset) of a base-128 number of at most ten bytes."""
    value = shift = 0
    while True:
        if at >= end:
            raise Damaged(at, "the file ends inside a number")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & (1 << 64) - 1, at
        shift += 7
        if shift > 63:
            raise Damaged(at, "a number is longer than ten bytes")


def signed(value: int) -> int:
    """A varint as int64."""
    return value - (1 << 64) if value >= 1 << 63 else value


def fields(data: bytes, start: int, end: int) -> Iterator[Field]:
    """The fields of the message in data[start:end]. Raises Damaged where they do not fit."""
    at = start
    while at < end:
        key, at = varint(data, at, end)
        number, kind = key >> 3, key & 7
        if number == 0:
            raise Damaged(at, "a field has the number 0")
        if kind == 0:
            value, at = varint(data, at, end)
            yield Field(number, value, at, at, False)
            continue
        if kind == 2:
            length, at = varint(data, at, end)
        elif kind in (1, 5):
            length = 8 if kind == 1 else 4
        else:
            raise Damaged(at, f"wire type {kind} does not occur in ONNX")
        if length > end - at:
            raise Damaged(at, f"a field of {length} bytes has only {end - at} left")
        yield Field(number, 0, at, at + length, kind == 2)
        at += length


def numbers(data: bytes, field: Field) -> Iterator[int]:
    """The int64 values of a repeated field, packed or not."""
    if not field.is_bytes:
        yield signed(field.value)
        return
    at = field.start
    while at < field.end:
        value, at = varint(data, at, field.end)
        yield signed(value)


def text(data: bytes, field: Field, limit: int = 200) -> str:
    """A string field, shortened and with damaged characters replaced: for messages and comparisons."""
    return data[field.start : min(field.end, field.start + limit)].decode("utf-8", "replace")
