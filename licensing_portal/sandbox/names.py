"""Names of people, departments and companies for made-up data."""

import random
from dataclasses import dataclass

# (kanji, romaji); 髙橋, 山﨑 and 渡邊 are there because real directories have them.
FAMILY = (
    "佐藤 Sato,鈴木 Suzuki,高橋 Takahashi,髙橋 Takahashi,田中 Tanaka,伊藤 Ito,渡辺 Watanabe,渡邊 Watanabe,山本 Yamamoto,"
    "中村 Nakamura,小林 Kobayashi,加藤 Kato,吉田 Yoshida,山田 Yamada,佐々木 Sasaki,山口 Yamaguchi,松本 Matsumoto,"
    "井上 Inoue,木村 Kimura,林 Hayashi,斎藤 Saito,齋藤 Saito,清水 Shimizu,山﨑 Yamazaki,山崎 Yamazaki,森 Mori,池田 Ikeda,"
    "橋本 Hashimoto,阿部 Abe,石川 Ishikawa,小川 Ogawa,前田 Maeda,岡田 Okada,長谷川 Hasegawa,藤田 Fujita,近藤 Kondo,"
    "村上 Murakami,遠藤 Endo,青木 Aoki,坂本 Sakamoto,福田 Fukuda,太田 Ota,西村 Nishimura,藤井 Fujii,金子 Kaneko"
)
GIVEN = (
    "太郎 Taro,花子 Hanako,翔太 Shota,美咲 Misaki,大輔 Daisuke,陽菜 Hina,蓮 Ren,結衣 Yui,さくら Sakura,拓海 Takumi,優子 Yuko,"
    "直樹 Naoki,健一 Kenichi,悠斗 Yuto,葵 Aoi,翼 Tsubasa,恵 Megumi,誠 Makoto,由美 Yumi,隆 Takashi,真由美 Mayumi,亮 Ryo,"
    "香織 Kaori,浩 Hiroshi,智子 Tomoko,和也 Kazuya,愛 Ai,学 Manabu,千尋 Chihiro,修 Osamu"
)
LATIN = (
    "Alex Morgan,Chloé Dubois,Priya Raman,Jürgen Schneider,Amir Rossi,Emeka Okafor,Aiko Andersson,María López,"
    "Søren Nielsen,Zoë Clarke,Łukasz Nowak,Ana Souza,Liam O'Brien,Fatima Al-Sayed,Björn Åkesson,Nguyễn Minh,"
    "Olga Petrova,Kim Ji-woo,Wei Zhang,Noah Williams"
)
DEPARTMENTS = ("営業部", "開発部", "総務部", "人事部", "経理部", "マーケティング部", "情報システム部", "経営企画部")
TITLES = ("部長", "課長", "主任", "担当", "Manager", "Specialist")
COMPANIES = (
    "ファブリカム製作所 fabrikam JP,Northwind Traders northwind US,アドベンチャーワークス adventure-works JP,"
    "Litware Ltd litware GB,タイルスピン玩具 tailspin JP,Wingtip GmbH wingtip DE,プロスウェア物流 proseware JP,"
    "Fourth Coffee fourthcoffee US,マーギーズトラベル margiestravel JP,Lucerne Publishing lucerne FR,"
    "コーホーワイナリー cohowinery JP,Trey Research treyresearch US,グラフィックデザイン学院 graphicdesign JP,"
    "Humongous Insurance humongous US,ウッドグローブ銀行 woodgrove JP,School of Fine Art fineart GB,"
    "ブルーヤンダー航空 blueyonder JP,Alpine Ski House alpineski CH,サウスリッジ映像 southridge JP,"
    "City Power & Light citypower US,レリック自動車 relecloud JP,Bellows College bellows US,"
    "ベストフォーユー有機 bestforyou JP,VanArsdel vanarsdel NL,ラムナ食品 lamna JP"
)


def pairs(text: str) -> list[tuple[str, str]]:
    """Split "kanji romaji" entries."""
    return [(entry.split()[0], entry.split()[1]) for entry in text.split(",")]


def companies() -> list[tuple[str, str, str]]:
    """Return (name, domain word, country)."""
    found = []
    for entry in COMPANIES.split(","):
        *name, word, country = entry.split()
        found.append((" ".join(name), word, country))
    return found


@dataclass(frozen=True, slots=True)
class Person:
    """A made-up person; `alias` is the part of the address before @."""

    name: str
    given: str
    surname: str
    alias: str


_FAMILY, _GIVEN, _LATIN = pairs(FAMILY), pairs(GIVEN), LATIN.split(",")
_PLAIN = str.maketrans("éüıłøØöåÅÉíóáñšžỄễöß", "euiloOoaAEioanszEeos")


def person(dice: random.Random, *, japanese: bool) -> Person:
    """Make a person up; some Japanese names are written with the ideographic space or none."""
    if not japanese or dice.random() < 0.12:
        return latin(dice.choice(_LATIN))
    family, given = dice.choice(_FAMILY), dice.choice(_GIVEN)
    space = dice.choice((" ", " ", " ", " ", "\u3000", ""))
    return Person(f"{family[0]}{space}{given[0]}", given[0], family[0], f"{given[1]}.{family[1]}".lower())


def latin(name: str) -> Person:
    """Return a person with a Latin name."""
    given, _, surname = name.partition(" ")
    alias = "".join(
        letter for letter in f"{given}.{surname}".translate(_PLAIN).lower() if letter.isascii() and letter not in " '"
    )
    return Person(name, given, surname, alias)
