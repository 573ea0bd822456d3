"""The rooms of the house: who may import whom, and how long a file or a function may grow."""

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

BASE = Path(__file__).resolve().parent.parent
PACKAGES = ("licensing_portal", "customers", "licenses")
LONGEST_FILE = 300
LONGEST_FUNCTION = 60
# Generated, or lists of names and no logic.
UNMEASURED = ("migrations", "licensing_portal/sandbox/names.py")

HTTP_CLIENTS = ("requests", "urllib3", "httpx", "msal")
CONCRETE_GATEWAYS = tuple(
    f"licensing_portal.gateways.{name}"
    for name in ("answers", "batch", "graph", "partner_center", "records", "tokens", "transport")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """Modules below `path` may import only `only` (and the standard library), or anything but `never`."""

    path: str
    only: tuple[str, ...] | None = None
    never: tuple[str, ...] = ()
    but: tuple[str, ...] = ()

    def refuses(self, imported: str) -> bool:
        """Tell whether a module of this room may not import something."""
        if self.only is not None:
            return not _is_standard(imported) and not _is_below(imported, self.only)
        return _is_below(imported, self.never)


ROOMS = (
    Room(path="licenses/core", only=("licenses.core", "customers.domain")),
    Room(path="licensing_portal/sandbox", only=("licensing_portal.sandbox",)),
    Room(
        path="licensing_portal/gateways",
        only=("licensing_portal.gateways", "licenses.core", "customers.domain", *HTTP_CLIENTS),
    ),
    Room(path="licensing_portal/staff", never=("customers", "licenses", "licensing_portal.gateways", *HTTP_CLIENTS)),
    Room(path="licensing_portal/audit", never=("customers", "licenses", "licensing_portal.gateways", *HTTP_CLIENTS)),
    Room(path="customers", never=("licenses", "licensing_portal.demo", *HTTP_CLIENTS)),
    Room(path="licenses", never=("licensing_portal.demo", *HTTP_CLIENTS)),
    Room(
        path="licenses/services",
        never=("django.http", "django.template", "django.shortcuts", "django.urls", "licenses.views", "licenses.forms"),
    ),
    Room(path="licenses/views", never=("licensing_portal.wiring",)),
    # Only wiring.py builds gateways; only the demo, the sandbox command and tests know the stand-in.
    Room(path="", never=CONCRETE_GATEWAYS, but=("licensing_portal/gateways", "licensing_portal/wiring.py")),
    Room(
        path="",
        never=("licensing_portal.sandbox",),
        but=(
            "licensing_portal/sandbox",
            "licensing_portal/management/commands/demo.py",
            "licensing_portal/management/commands/sandbox.py",
        ),
    ),
    Room(path="", never=("tests",)),
)
MODELS = Room(
    path="models",
    never=("licensing_portal.gateways", "licensing_portal.wiring", "licenses.services", "licenses.views"),
)


def _is_standard(module: str) -> bool:
    return module.partition(".")[0] in sys.stdlib_module_names


def _is_below(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix or module.startswith(f"{prefix}.") for prefix in prefixes)


def sources() -> Iterator[tuple[str, str]]:
    """Yield name and text of every module of the product."""
    for package in PACKAGES:
        for file in sorted((BASE / package).rglob("*.py")):
            yield file.relative_to(BASE).as_posix(), file.read_text(encoding="utf-8")


def imports_of(text: str) -> Iterator[str]:
    """Yield what a module imports, anywhere in it: `from a import b` is both a and a.b."""
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms_of(name: str) -> Iterator[Room]:
    """Yield the rooms whose rules a file must keep."""
    for room in ROOMS:
        if (not room.path or name.startswith(f"{room.path}/")) and not name.startswith(room.but or ("?",)):
            yield room
    if name.endswith("models.py"):
        yield MODELS


def broken_rules(name: str, text: str) -> list[str]:
    """Return the forbidden imports of a module."""
    return sorted(
        {
            f"{name} imports {imported}"
            for room in rooms_of(name)
            for imported in imports_of(text)
            if room.refuses(imported)
        }
    )


def test_no_room_imports_what_it_must_not_know() -> None:
    assert [rule for name, text in sources() for rule in broken_rules(name, text)] == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("licenses/core/diff.py", "from django.db import models"),
        ("licenses/core/diff.py", "import licenses.models"),
        ("licensing_portal/sandbox/app.py", "from licensing_portal import settings"),
        ("licensing_portal/sandbox/app.py", "import requests"),
        ("licensing_portal/gateways/graph.py", "from django.conf import settings"),
        ("licensing_portal/gateways/graph.py", "from customers.models import Customer"),
        ("licensing_portal/staff/views.py", "from customers import models"),
        ("licensing_portal/audit/log.py", "import licenses"),
        ("customers/views/users.py", "def view():\n    from licenses.models import Holding"),
        ("licenses/services/save.py", "import requests"),
        ("licenses/services/save.py", "from licensing_portal.demo import stages"),
        ("customers/views/customers.py", "from licensing_portal.demo.tour import STEPS"),
        ("licensing_portal/demo/story.py", "from licensing_portal.sandbox import STORY_TENANT_ID"),
        ("licenses/services/save.py", "from django.http import HttpRequest"),
        ("licenses/services/save.py", "from licensing_portal.gateways import graph"),
        ("licenses/views/manage.py", "from licensing_portal.wiring import directory_gateway"),
        ("licenses/services/sync.py", "from licensing_portal.sandbox import Sandbox"),
        ("licensing_portal/management/commands/serve.py", "from licensing_portal.sandbox import Sandbox"),
        ("licenses/change_models.py", "from licenses.services import save"),
        ("customers/models.py", "from licensing_portal.wiring import directory_gateway"),
        ("customers/sync.py", "from tests.factories import CustomerFactory"),
    ],
)
def test_planted_import_is_found(name: str, text: str) -> None:
    assert broken_rules(name, text) != []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("licenses/core/diff.py", "from dataclasses import dataclass\nfrom licenses.core.catalog import Catalog"),
        ("licensing_portal/wiring.py", "from licensing_portal.gateways.graph import GraphDirectory"),
        ("licensing_portal/management/commands/demo.py", "from licensing_portal.sandbox import Sandbox"),
        ("licenses/services/sync.py", "from licensing_portal.gateways.errors import GatewayError"),
        ("licenses/models.py", "from customers.models import Customer"),
    ],
)
def test_allowed_import_is_not_reported(name: str, text: str) -> None:
    assert broken_rules(name, text) == []


def test_files_and_functions_stay_short() -> None:
    too_long = [
        place
        for name, text in sources()
        if not any(part in name for part in UNMEASURED)
        for place in long_places(name, text)
    ]

    assert too_long == []


def long_places(name: str, text: str) -> Iterator[str]:
    """Yield a file or its functions that have grown too long."""
    lines = len(text.splitlines())
    if lines > LONGEST_FILE:
        yield f"{name}: {lines} lines"
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            if length > LONGEST_FUNCTION:
                yield f"{name}: {node.name} has {length} lines"


def test_long_function_is_found() -> None:
    body = "    x = 1\n" * LONGEST_FUNCTION

    assert list(long_places("a.py", f"def short():\n    pass\n\n\ndef long():\n{body}")) == ["a.py: long has 61 lines"]


def bridges(files: dict[str, str]) -> list[str]:
    """Return the imports of a name from a module that has it from elsewhere; models have one door for all."""
    passed_on = {
        (name.removesuffix(".py").replace("/", "."), alias.asname or alias.name)
        for name, text in files.items()
        if not name.endswith(("models.py", "__init__.py"))
        for node in ast.parse(text).body
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PACKAGES)
        for alias in node.names
    }
    return sorted(
        f"{name} imports {alias.name} from {node.module}"
        for name, text in files.items()
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
        if (node.module, alias.name) in passed_on
    )


def test_every_name_is_imported_from_its_one_home() -> None:
    tests = {
        file.relative_to(BASE).as_posix(): file.read_text(encoding="utf-8") for file in (BASE / "tests").rglob("*.py")
    }
    assert bridges(dict(sources()) | tests) == []


def test_a_bridge_is_found() -> None:
    files = {
        "licenses/a.py": "from licenses.b import word\nfrom json import loads",
        "licenses/c.py": "from licenses.a import word, loads",
    }
    assert bridges(files) == ["licenses/c.py imports word from licenses.a"]
