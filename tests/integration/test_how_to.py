"""What the how-to guides tell people to ask the database can be asked."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

GUIDE = Path(settings.BASE_DIR) / "docs" / "how-to" / "run-on-many-machines.md"
QUERIES = re.findall(r"`(SELECT [^`]+)`", GUIDE.read_text(encoding="utf-8"))


@pytest.mark.django_db
@pytest.mark.postgres
@pytest.mark.parametrize("query", QUERIES)
def test_each_signal_to_watch_can_be_asked_for(query: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(query)
        assert cursor.description


def test_the_guide_has_signals() -> None:
    assert len(QUERIES) == 5
