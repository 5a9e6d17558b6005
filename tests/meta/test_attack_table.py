"""The table of attacks on DTLS and the tests are equal."""

from tests.meta.attack_table import CLASSES, PAGE, attack_tests, missing, page


def test_every_class_of_attack_has_a_row_and_a_test() -> None:
    assert missing() == set()


def test_no_test_is_of_a_class_that_does_not_exist() -> None:
    assert {number for number, _, _ in attack_tests()} <= set(CLASSES)


def test_the_table_names_the_tests_that_there_are() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run python -m tests.meta.attack_table"
