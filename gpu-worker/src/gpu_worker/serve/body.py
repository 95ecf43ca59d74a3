"""Bodies of requests and answers: read up to a limit, unpacked and packed as their headers say."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from starlette.types import Receive

SLICE = 1 << 20
"""Unpacked at a time, so that the loop goes on and a bomb costs no more than what lies below the limit."""
WORTH_PACKING = 1024
"""Smaller answers fit into one packet as they are."""
PACKED_ASIDE = 1 << 16
"""Answers larger than this are packed in a thread: more than about a millisecond."""

_WINDOW = {"gzip": 31, "deflate": 15}
"""zlib's `wbits`; HTTP's deflate is the zlib format (RFC 9110, 8.4.1.2)."""


Take = Callable[[int], None]


class BodyError(ValueError):
    """A body that cannot be read; `status` is 400, 413, 415, or 429 where it can be later."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Gone(Exception):
    """The client left before its request was whole."""


class Memory:
    """What the bodies of all requests that are there may take in sum, in bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._taken = 0

    @contextmanager
    def share(self) -> Generator[Take]:
        """One request's part of it, given back at the end. The function that is handed out takes more bytes,
        and raises BodyError when they are not left.
        """
        mine = 0

        def take(size: int) -> None:
            nonlocal mine
            if self._taken + size > self._limit:
                raise BodyError(
                    429, f"Bodies of {self._taken - mine} bytes wait here already; send this one again later."
                )
            self._taken += size
            mine += size

        try:
            yield take
        finally:
            self._taken -= mine


async def read_body(receive: Receive, encoding: str, limit: int, take: Take) -> bytes | bytearray:
    """The whole body, unpacked. encoding: `Content-Encoding`, empty for none. take: called with the number of
    bytes that are about to be kept. Raises BodyError when it is no such data or larger than `limit` bytes,
    packed or not, and Gone.
    """
    unpacker = _unpacker(encoding.strip().lower(), limit, take)
    whole: bytes | bytearray = b""
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        part: bytes = message.get("body", b"")
        has_more: bool = message.get("more_body", False)
        size += len(part)
        if size > limit:
            raise _too_large(limit)
        if unpacker is not None:
            await unpacker.add(part)
        else:
            take(len(part))
            # Most requests come in one part, which is not copied.
            whole = _joined(whole, part) if whole else part
        if not has_more:
            return whole if unpacker is None else unpacker.whole()


def _joined(whole: bytes | bytearray, part: bytes) -> bytearray:
    grown = whole if isinstance(whole, bytearray) else bytearray(whole)
    grown += part
    return grown


def _too_large(limit: int) -> BodyError:
    return BodyError(413, f"The body is larger than {limit} bytes.")


class _Unpacker:
    """Unpacks a body as it comes."""

    def __init__(self, encoding: str, limit: int, take: Take) -> None:
        self._encoding = encoding
        self._take = take
        self._limit = limit
        self._inflater = zlib.decompressobj(_WINDOW[encoding])
        self._unpacked = bytearray()

    async def add(self, part: bytes) -> None:
        while True:
            try:
                slice_ = self._inflater.decompress(part, SLICE)
            except zlib.error as error:
                raise BodyError(400, f"The body is not {self._encoding} data: {error}.") from error
            self._take(len(slice_))
            self._unpacked += slice_
            if len(self._unpacked) > self._limit:
                raise _too_large(self._limit)
            if self._inflater.unused_data:
                raise BodyError(400, f"The body goes on after the end of its {self._encoding} data.")
            part = self._inflater.unconsumed_tail
            # A full slice may have more behind it although all input is taken.
            if not part and len(slice_) < SLICE:
                return
            await asyncio.sleep(0)

    def whole(self) -> bytearray:
        if not self._inflater.eof:
            raise BodyError(400, f"The body ends within its {self._encoding} data.")
        return self._unpacked


def _unpacker(encoding: str, limit: int, take: Take) -> _Unpacker | None:
    if encoding in ("", "identity"):
        return None
    if encoding not in _WINDOW:
        raise BodyError(
            415, f"The content encoding '{encoding:.40}' is not known; use gzip, deflate or none."
        )
    return _Unpacker(encoding, limit, take)


def chosen_encoding(accepted: str) -> str | None:
    """What of `Accept-Encoding` an answer is packed as: the one with the greater weight, gzip in a tie."""
    weights: dict[str, float] = {}
    for item in accepted.lower().split(","):
        name, *parameters = (word.strip() for word in item.split(";"))
        weight = next((p[2:] for p in parameters if p.startswith("q=")), "1")
        try:
            weights[name] = float(weight)
        except ValueError:
            weights[name] = 0.0
    best = max(_WINDOW, key=lambda name: weights.get(name, 0.0))
    return best if weights.get(best, 0.0) > 0 else None


async def packed(parts: Sequence[bytes | memoryview], encoding: str) -> bytes:
    """The parts as one packed body, by zlib's fastest level."""
    if sum(map(len, parts)) > PACKED_ASIDE:
        return await asyncio.to_thread(_pack, parts, encoding)
    return _pack(parts, encoding)


def _pack(parts: Sequence[bytes | memoryview], encoding: str) -> bytes:
    packer = zlib.compressobj(1, zlib.DEFLATED, _WINDOW[encoding])
    return b"".join([*(packer.compress(part) for part in parts), packer.flush()])
