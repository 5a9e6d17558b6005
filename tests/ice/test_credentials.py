"""Username fragments and passwords."""

from collections import Counter

import pytest
from tests.support.rng import SeededRng

from rtc_ice import Credentials, IceAgent

CHARACTERS = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")


@pytest.mark.spec("rfc8445:5.3/3")
def test_enough_random_bits_go_into_each_part() -> None:
    asked: list[int] = []
    rng = SeededRng(1)

    def watched(count: int) -> bytes:
        asked.append(count)
        return rng(count)

    credentials = Credentials.generate(watched)

    assert asked == [6, 18]
    assert 8 * 6 >= 24
    assert 8 * 18 >= 128
    assert len(credentials.ufrag) == 8
    assert len(credentials.password) == 24
    assert set(credentials.ufrag + credentials.password) <= CHARACTERS


@pytest.mark.spec("rfc8839:5.4/3")
@pytest.mark.spec("rfc8445:5.3/2", "rfc8445:5.3/3")
def test_every_bit_of_the_randomness_shows() -> None:
    made = [Credentials.generate(SeededRng(seed)) for seed in range(200)]

    assert len({each.ufrag for each in made}) == len({each.password for each in made}) == 200
    for position in range(24):
        counts = Counter(each.password[position] for each in made)
        assert counts.most_common(1)[0][1] < 20


@pytest.mark.spec("rfc8445:5.3/2")
def test_agents_make_their_own_unless_told() -> None:
    given = Credentials("abcd", "p" * 22)

    ours, other = (IceAgent(controlling=True, rng=SeededRng(seed)).local_credentials for seed in (1, 2))

    assert ours.ufrag != other.ufrag
    assert ours.password != other.password
    assert IceAgent(controlling=True, rng=SeededRng(1), credentials=given).local_credentials == given


@pytest.mark.parametrize(
    ("ufrag", "password"),
    [
        ("abc", "p" * 22),
        ("a" * 257, "p" * 22),
        ("abcd", "p" * 21),
        ("abcd", "p" * 257),
        ("ab:d", "p" * 22),
        ("abcd", "p" * 21 + " "),
        ("abc\u00e4", "p" * 22),
        ("abcd\n", "p" * 22),
    ],
)
def test_what_breaks_the_grammar_is_refused(ufrag: str, password: str) -> None:
    with pytest.raises(ValueError, match="letters, digits"):
        Credentials(ufrag, password)


def test_a_password_does_not_show_in_logs() -> None:
    assert "secretsecretsecretsecret" not in repr(Credentials("abcd", "secretsecretsecretsecret"))
