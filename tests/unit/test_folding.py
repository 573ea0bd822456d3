"""Folding: names are found however they are written, and ordered by code point."""

import pytest

from customers.folding import fold, one_line, search_key, sort_key


@pytest.mark.parametrize(
    ("stored", "typed"),
    [
        ("山田 太郎", "山田太郎"),
        ("山田　太郎", "山田 太郎"),
        ("髙橋 一郎", "高橋"),
        ("山﨑 花子", "山崎"),
        ("齋藤 蓮", "斎藤"),
        ("齊藤 蓮", "斉藤"),
        ("渡邉 葵", "渡辺"),
        ("渡邊 葵", "渡辺"),
        ("黒澤 明", "黒沢"),
        ("濵田 湊", "浜田"),
        ("濱田 湊", "濵田"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "ヤマダ"),
        ("ＡＢＣ Ltd", "abc"),
        ("Jürgen Straße", "STRASSE"),
    ],
)
def test_a_name_is_found_by_another_way_of_writing_it(stored: str, typed: str) -> None:
    assert fold(typed) in search_key(stored)


def test_hiragana_and_katakana_stay_apart() -> None:
    assert fold("さとう") not in search_key("サトウ")


def test_no_match_spans_two_fields() -> None:
    assert fold("ab") not in search_key("a", "b")


def test_empty_parts_leave_no_line() -> None:
    assert search_key("佐藤", None, "", "営業部") == "佐藤\n営業部"


def test_text_without_letters_finds_nothing_to_search_for() -> None:
    assert fold(" \t　\0") == ""


def test_nul_never_reaches_the_database() -> None:
    assert "\0" not in search_key("a\0b") + sort_key("a\0b")


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("INC-1", "INC-1"),
        (" INC-1\t\r\n  x　山田 ", "INC-1 x 山田"),
        ("a\0b\x1b[2J\x7f\x9bc\ud800", "ab[2Jc"),
        ("a\u0085b\u2028c", "a b c"),
        ("\0 \x01", ""),
        ("葛\U000e0100 👩\u200d💻", "葛\U000e0100 👩\u200d💻"),
    ],
)
def test_one_line_is_what_a_database_can_hold(typed: str, line: str) -> None:
    assert one_line(typed) == line


def test_order_puts_latin_before_kana_before_kanji() -> None:
    names = ["山田", "アリス", "bob", "Alice", "あい"]

    assert sorted(names, key=sort_key) == ["Alice", "bob", "あい", "アリス", "山田"]


def test_order_ignores_width_and_letter_case() -> None:
    assert sort_key("ＡＬＩＣＥ ") == sort_key("alice")


def test_keys_fit_their_columns() -> None:
    assert len(sort_key("㌖" * 256)) <= 256
    assert len(search_key(*["㌖" * 256] * 4)) <= 1500
