"""Committed files of others are what their list says."""

import hashlib
import re
from pathlib import Path

VENDOR = Path(__file__).resolve().parents[2] / "static/vendor"


def test_every_vendored_file_is_listed_with_its_hash() -> None:
    listed = dict(
        re.findall(r"^\| `([^`]+)` .* \| `([0-9a-f]{64})` \|$", (VENDOR / "VENDOR.md").read_text(), re.MULTILINE)
    )
    found = {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in VENDOR.iterdir() if file.suffix != ".md"
    }

    assert found
    assert found == listed
