"""What the watermark says: 127 bits, of which 64 are a header, an id and a checksum, and 63 correct errors.

The code is BCH(127, 64), which corrects any 10 wrong bits; more, where the wrong ones are among the least certain.
"""

import secrets
import zlib
from itertools import product

import bchlib
import numpy as np

PRODUCT = b"\xf5"  # this product, and version 1 of its watermark
ID_BYTES = 4
CHECKSUM_BYTES = 3
MESSAGE_BYTES = len(PRODUCT) + ID_BYTES + CHECKSUM_BYTES
BITS = 127
CORRECTABLE = 10
DOUBTED = 8  # bits, the least certain ones, of which every combination is tried


def new_id() -> str:
    """Return an id that no other output has, by chance: 8 hexadecimal digits."""
    return secrets.token_hex(ID_BYTES)


def encode(mark_id: str) -> np.ndarray:
    """Return the bits (127,) uint8 that say an id of 8 hexadecimal digits."""
    message = PRODUCT + bytes.fromhex(mark_id)
    message += _checksum(message)
    parity = bytes(_code().encode(message))
    return np.unpackbits(np.frombuffer(message + parity, np.uint8))[:BITS]


def decode(soft: np.ndarray) -> tuple[str, float] | None:
    """Return what bits say, if they are such a payload.

    Of random bits one in 40,000 corrects to any word of the code, and one of these in 2**32 has the right header and
    checksum: with every combination of doubted bits tried, a wrong answer has a probability below 1e-11.

    Args:
        soft: (127,) float, positive where a bit is likely 0, the larger the more certain.

    Returns:
        The id, and how many of the bits, of 1, were read right.
    """
    code, hard = _code(), (soft < 0).astype(np.uint8)
    doubted = np.argsort(np.abs(soft))[:DOUBTED]
    for flips in sorted(product((0, 1), repeat=DOUBTED), key=sum):
        bits = hard.copy()
        bits[doubted] ^= np.array(flips, np.uint8)
        mark_id = _correct(code, bits)
        if mark_id is not None:
            return mark_id, float((encode(mark_id) == hard).mean())
    return None


def _code() -> bchlib.BCH:
    return bchlib.BCH(CORRECTABLE, m=7)  # one a call: it keeps what it is at, and would mix threads up


def _correct(code: bchlib.BCH, bits: np.ndarray) -> str | None:
    packed = np.packbits(bits).tobytes().ljust(MESSAGE_BYTES + code.ecc_bytes, b"\0")
    message, parity = bytearray(packed[:MESSAGE_BYTES]), bytearray(packed[MESSAGE_BYTES:])
    if code.decode(message, parity) < 0:
        return None
    code.correct(message, parity)
    said, checksum = bytes(message[:-CHECKSUM_BYTES]), bytes(message[-CHECKSUM_BYTES:])
    if not said.startswith(PRODUCT) or checksum != _checksum(said):
        return None
    return said[len(PRODUCT) :].hex()


def _checksum(message: bytes) -> bytes:
    return zlib.crc32(message).to_bytes(4, "big")[:CHECKSUM_BYTES]
