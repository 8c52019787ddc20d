import numpy as np

from faceshifter_hub.provenance.payload import BITS, decode, encode, new_id

MARK = "0badcafe"


def test_what_is_said_is_read_with_ten_wrong_bits_wherever_they_are():
    random = np.random.default_rng(0)
    for _ in range(20):
        soft = 1 - 2.0 * encode(MARK)
        soft[random.choice(BITS, 10, replace=False)] *= -1
        assert decode(soft) == (MARK, 1 - 10 / BITS)


def test_more_are_corrected_where_the_wrong_ones_are_the_least_certain():
    soft = 1 - 2.0 * encode(MARK)
    soft[::8] *= -1  # 16 of them
    assert decode(soft) is None
    soft[::8] *= np.linspace(0.1, 1, 16)
    read = decode(soft)
    assert read is not None and read[0] == MARK


def test_random_bits_say_nothing():
    random = np.random.default_rng(1)
    assert all(decode(random.normal(size=BITS)) is None for _ in range(50))


def test_a_word_of_the_code_that_is_no_message_says_nothing():
    """The code is cyclic: what is shifted is such a word, without our header and checksum."""
    assert decode(1 - 2.0 * np.roll(encode(MARK), 1)) is None


def test_ids_differ():
    assert len({new_id() for _ in range(100)}) == 100
