"""What pasted lines name, and which of them count."""

import pytest

from customers.pasted import fold_address, read_lines

ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("taro@contoso.example", "taro@contoso.example"),
        ("  Taro.Yamada@Contoso.Example  ", "taro.yamada@contoso.example"),
        ("ｔａｒｏ＠ｃｏｎｔｏｓｏ．ｅｘａｍｐｌｅ", "taro@contoso.example"),
        ("taro＠contoso.example", "taro@contoso.example"),
        ("taro﹫contoso.example", "taro@contoso.example"),
        ("STRASSE@contoso.example", "strasse@contoso.example"),
        ("straße@contoso.example", "strasse@contoso.example"),
        ("山田 太郎 <taro@contoso.example>", "taro@contoso.example"),
        ("山田 太郎 ＜taro＠contoso.example＞", "taro@contoso.example"),
        ('"Yamada, Taro" <taro@contoso.example>', "taro@contoso.example"),
        ("taro@home <taro@contoso.example>", "taro@contoso.example"),
        ("<mailto:taro@contoso.example>", "taro@contoso.example"),
        ("mailto:taro@contoso.example", "taro@contoso.example"),
        ("メール：taro@contoso.example", "taro@contoso.example"),
        ("山田（taro@contoso.example）", "taro@contoso.example"),
        ("'taro@contoso.example'", "taro@contoso.example"),
        ("o'neil@contoso.example", "o'neil@contoso.example"),
        ("taro@contoso.example.", "taro@contoso.example"),
        ("taro@contoso.example;", "taro@contoso.example"),
        ("taro_partner.example#EXT#@contoso.example", "taro_partner.example#ext#@contoso.example"),
        ("山田 太郎\ttaro@contoso.example\t営業部", "taro@contoso.example"),
        ("山田 太郎,taro@contoso.example,hanako@contoso.example", "taro@contoso.example"),
        ("山田 太郎；taro@contoso.example；営業部", "taro@contoso.example"),
        ("営業 @ 東京\ttaro@contoso.example", "taro@contoso.example"),
        ("1\t\ttaro@contoso.example", "taro@contoso.example"),
        ("| 山田 | taro@contoso.example |", "taro@contoso.example"),
        (f"{ID}\ttaro@contoso.example", "taro@contoso.example"),
        ("\ufefftaro@contoso.example\u200b", "taro@contoso.example"),
        ("taro@\0contoso.example", "taro@contoso.example"),
        (ID, ID),
        (ID.upper(), ID),
        (f"{{{ID.upper()}}}", ID),
        (f"山田 太郎\t{ID}", ID),
        (f"id={ID}.", ID),
        (f"{ID}0", ""),
        (ID[:-1], ""),
        ("山田 太郎", ""),
        ("@", ""),
        ("taro@", ""),
        ("@contoso.example", ""),
    ],
)
def test_a_line_names_one_user(line: str, key: str) -> None:
    assert [found.key for found in read_lines(f"nobody\n{line}")] == ["", key]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("", []),
        (" \n\t\r\n　", []),
        ("a@x\r\n\r\nb@x\rc@x\n", [1, 3, 4]),
        ("User principal name\na@x", [2]),
        ("佐藤花子\na@x", [1, 2]),
        ("Whatever\tthey call it\na@x", [2]),
        ("\n\n氏名\tメール アドレス\na@x", [4]),
        ("a@x\nDisplay name,Mail\nb@x", [1, 3]),
        ("a@x\n山田 太郎\nb@x", [1, 2, 3]),
        ("山田 太郎\n佐藤 花子", [1, 2]),
        ("Name", []),
        ("a@x\n\u200b\n", [1]),
    ],
)
def test_blank_lines_and_headers_do_not_count(text: str, numbers: list[int]) -> None:
    assert [line.number for line in read_lines(text)] == numbers


def test_a_line_is_kept_as_it_was_pasted() -> None:
    assert [line.text for line in read_lines("　山田\tＴＡＲＯ＠x  \r\n")] == ["　山田\tＴＡＲＯ＠x"]


def test_an_address_of_the_directory_is_folded_the_same_way() -> None:
    assert fold_address("Ｔaro@Contoso.Example") == fold_address("taro@contoso.example")


@pytest.mark.parametrize(
    ("line", "keys"),
    [
        ("ren@example.com;taro@example.com", ["ren@example.com", "taro@example.com"]),
        ("Ren K. <ren@example.com>; Taro <taro@example.com>;", ["ren@example.com", "taro@example.com"]),
        ("蓮 <ren＠example.com>； taro@example.com", ["ren@example.com", "taro@example.com"]),
        # A row of a sheet: one cell has the address.
        ("Ren;ren@example.com;Sales", ["ren@example.com"]),
        ("ren@example.com;", ["ren@example.com"]),
    ],
)
def test_a_list_of_recipients_names_them_all(line: str, keys: list[str]) -> None:
    found = read_lines(f"first@example.com\n{line}")
    assert [(one.number, one.key) for one in found] == [(1, "first@example.com"), *((2, key) for key in keys)]
