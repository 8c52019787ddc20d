import numpy as np

from faceshifter_hub.preparation.duplicates import MOST_BITS, Seen, difference_hash


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


def test_the_hash_sees_shapes_not_light():
    picture = np.random.default_rng(0).integers(0, 200, (16, 17), np.uint8).repeat(10, 0).repeat(10, 1)
    assert difference_hash(picture) == difference_hash(picture // 2 * 2 + 40)
    assert (difference_hash(picture) ^ difference_hash(picture[:, ::-1].copy())).bit_count() > 60
