import numpy as np
import pytest

from faceshifter_hub.preparation.duplicates import BANDS, MOST_BITS, Seen, difference_hash


def flip(code, bits):
    """Return a hash with these bits the other way round."""
    return code ^ sum(1 << int(bit) for bit in bits)


def test_a_copy_differs_in_few_bits_and_is_of_the_first():
    seen, rng = Seen(), np.random.default_rng(0)
    codes = [int.from_bytes(rng.bytes(32), "big") for _ in range(3000)]  # more than the table holds at first
    for n, code in enumerate(codes):
        assert seen.find(code) is None
        seen.add(f"{n}.jpg", code)
    near, far = (sum(1 << 9 * bit for bit in range(bits)) for bits in (MOST_BITS, MOST_BITS + 1))
    assert seen.find(codes[1500] ^ near) == "1500.jpg"
    assert seen.find(codes[1500] ^ far) is None
    seen.add("late.jpg", codes[1500] ^ near)
    assert seen.find(codes[1500] ^ near) == "1500.jpg"


def test_one_band_alike_is_enough():
    seen, code = Seen(), int.from_bytes(np.random.default_rng(0).bytes(32), "big")
    seen.add("a.jpg", code)
    for first in range(0, 256 - BANDS, BANDS):
        everywhere = range(first, first + BANDS)  # one bit of each band
        assert seen.find(flip(code, everywhere)) is None
        for spared in everywhere:
            assert seen.find(flip(code, set(everywhere) - {spared})) == "a.jpg"


@pytest.mark.parametrize("seed", range(3))
def test_the_index_finds_what_comparing_with_all_finds(seed):
    rng = np.random.default_rng(seed)
    faces = [int.from_bytes(rng.bytes(32), "big") for _ in range(4)]  # what aligned faces have in common

    def changed(code, most):
        return flip(code, rng.permutation(256)[: rng.integers(most + 1)])

    seen, codes, outcomes = Seen(), [], set()
    for n in range(1500):
        planted = bool(codes) and n % 3 == 0
        code = changed(faces[n % 4], 60)
        if planted:
            copied = codes[rng.integers(len(codes))]
            code = flip(copied, rng.permutation(256)[: MOST_BITS + rng.integers(2)])
        first = next((k for k, other in enumerate(codes) if (other ^ code).bit_count() <= MOST_BITS), None)
        assert seen.find(code) == (None if first is None else f"{first}.jpg")
        outcomes.add((planted, first is not None))
        seen.add(f"{n}.jpg", code)
        codes.append(code)
    assert {(True, True), (True, False), (False, False)} <= outcomes


def test_the_hash_sees_shapes_not_light():
    picture = np.random.default_rng(0).integers(0, 200, (16, 17), np.uint8).repeat(10, 0).repeat(10, 1)
    assert difference_hash(picture) == difference_hash(picture // 2 * 2 + 40)
    assert (difference_hash(picture) ^ difference_hash(picture[:, ::-1].copy())).bit_count() > 60
