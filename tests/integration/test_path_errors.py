"""What an error of a path is called and means: one registry for the pages, the exports and the texts."""

import pytest

from licenses.explanations import path_error


@pytest.mark.parametrize(
    ("word", "title", "text"),
    [
        ("CountViolation", "Not enough licenses", "No license of the product was free. Free one or buy more"),
        ("countviolation", "Not enough licenses", "No license of the product was free. Free one or buy more"),
        ("MutuallyExclusiveViolation", "Conflicting service plans", "A service plan of this product and one that"),
        ("DependencyViolation", "Missing required plan", "A service plan needs another one"),
        ("ProhibitedInUsageLocationViolation", "Not available in this location", "Microsoft does not offer"),
        ("UniquenessViolation", "Duplicate proxy address", "With the license the user would get an address"),
        ("Other", "Microsoft does not say why", "Usually another license of the same group failed"),
        ("Others", "Microsoft does not say why", "Usually another license of the same group failed"),
        ("Disabled", "Disabled", "Microsoft has switched this assignment off."),
        ("SomethingNew", "SomethingNew", ""),
        ("", "", ""),
    ],
)
def test_an_error_of_a_path_has_one_title_and_one_meaning(word: str, title: str, text: str) -> None:
    found = path_error(word)
    assert found.title == title
    assert found.text.startswith(text)
    assert bool(found.text) == bool(text)
