"""The part of OData that Graph's directory understands: `$filter`, `$search`, `$orderby` over users and groups."""

import re
from collections.abc import Callable
from typing import Any

from licensing_portal.sandbox.http import bad_request

type Getter = Callable[[Any, str], Any]
type Condition = Callable[[Any], bool]

MAX_IN = 15
_TOKEN = re.compile(r"\s*(?:(?P<text>'(?:[^']|'')*')|(?P<punct>[(),:])|(?P<word>[^\s(),':]+))", re.IGNORECASE)
_FUNCTIONS = ("startswith", "endswith", "contains")
_UNSUPPORTED = "Unsupported Query."


class Filter:
    """A parsed `$filter`; `advanced` tells whether the query needs `ConsistencyLevel: eventual` and `$count=true`."""

    def __init__(self, text: str, get: Getter, fields: frozenset[str]) -> None:
        self._tokens = _tokens(text)
        self._at = 0
        # The ids of a filter that is one `id in (…)`: the caller looks them up instead of walking through everybody.
        self.ids: tuple[str, ...] | None = None
        self._get, self._fields = get, fields
        self.advanced = False
        # `any()` reads the lagging index.
        self.indexed = False
        self._equalities = 0
        self.matches = self._either()
        if self._at != len(self._tokens):
            raise bad_request("Invalid filter clause.", "BadRequest")
        if {"and", "or", "not"} & {token.casefold() for token in self._tokens}:
            self.ids = None

    def _peek(self) -> str:
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise bad_request("Invalid filter clause: unexpected end.", "BadRequest")
        self._at += 1
        return token

    def _expect(self, token: str) -> None:
        if self._next().casefold() != token:
            raise bad_request(f"Invalid filter clause: '{token}' expected.", "BadRequest")

    def _either(self) -> Condition:
        parts = [self._both()]
        while self._peek().casefold() == "or":
            self._next()
            parts.append(self._both())
        if len(parts) > MAX_IN:
            raise _too_many(len(parts))
        return parts[0] if len(parts) == 1 else lambda item: any(part(item) for part in parts)

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._peek().casefold() == "and":
            self._next()
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else lambda item: all(part(item) for part in parts)

    def _one(self) -> Condition:
        token = self._next()
        folded = token.casefold()
        if token == "(":
            inner = self._either()
            self._expect(")")
            return inner
        if folded == "not":
            self.advanced = True
            inner = self._one()
            return lambda item: not inner(item)
        if folded in _FUNCTIONS:
            return self._function(folded)
        if folded == "assignedlicenses/any":
            return self._any_license()
        if folded == "proxyaddresses/any":
            return self._any_address()
        if folded == "assignedlicenses/$count":
            return self._license_count()
        return self._comparison(self._field(token))

    def _field(self, token: str) -> str:
        name = token.casefold()
        if name in ("licenseassignmentstates", "licenseassignmentstates/any"):
            raise bad_request("The request uses a filter property that is not indexed", "Request_UnsupportedQuery")
        if name not in self._fields:
            raise bad_request(f"Could not find a property named '{token}'.", "BadRequest")
        return name

    def _function(self, name: str) -> Condition:
        self._expect("(")
        field = self._field(self._next())
        self._expect(",")
        wanted = _literal(self._next())
        self._expect(")")
        if name == "contains":
            raise bad_request(_UNSUPPORTED, "Request_UnsupportedQuery")
        if name == "endswith":
            self.advanced = True
            return lambda item: str(self._get(item, field) or "").casefold().endswith(str(wanted).casefold())
        return lambda item: str(self._get(item, field) or "").casefold().startswith(str(wanted).casefold())

    def _any_license(self) -> Condition:
        self.indexed = True
        self._expect("(")
        name = self._next()
        self._expect(":")
        if self._next().casefold() != f"{name.casefold()}/skuid":
            raise bad_request(_UNSUPPORTED, "Request_UnsupportedQuery")
        self._expect("eq")
        wanted = str(_literal(self._next())).casefold()
        self._expect(")")
        return lambda item: wanted in self._get(item, "assignedlicenses")

    def _any_address(self) -> Condition:
        self.advanced = True
        self.indexed = True
        self._expect("(")
        name = self._next().casefold()
        self._expect(":")
        self._expect(name)
        self._expect("eq")
        wanted = str(_literal(self._next())).casefold()
        self._expect(")")
        return lambda item: wanted in (address.casefold() for address in self._get(item, "proxyaddresses"))

    def _license_count(self) -> Condition:
        self.advanced = True
        operator, number = self._next().casefold(), _literal(self._next())
        if operator not in ("eq", "ne") or number != 0:
            raise bad_request(_UNSUPPORTED, "Request_UnsupportedQuery")
        return lambda item: bool(self._get(item, "assignedlicenses")) == (operator == "ne")

    def _comparison(self, field: str) -> Condition:
        operator = self._next().casefold()
        if operator == "in":
            return self._membership(field)
        wanted = _fold(_literal(self._next()))
        if operator == "eq":
            return lambda item: _fold(self._get(item, field)) == wanted
        if operator == "ne":
            self.advanced = True
            return lambda item: _fold(self._get(item, field)) != wanted
        raise bad_request(_UNSUPPORTED, "Request_UnsupportedQuery")

    def _membership(self, field: str) -> Condition:
        self._expect("(")
        values = [_fold(_literal(self._next()))]
        while self._peek() == ",":
            self._next()
            values.append(_fold(_literal(self._next())))
        self._expect(")")
        if len(values) > MAX_IN:
            raise _too_many(len(values))
        wanted = frozenset(values)
        if field == "id":
            self.ids = tuple(str(value) for value in values)
        return lambda item: _fold(self._get(item, field)) in wanted


def _too_many(number: int) -> Exception:
    return bad_request(
        "Too many child clauses specified in search filter expression containing 'OR' operators:"
        f" {number}. Max allowed: {MAX_IN}.",
        "Request_UnsupportedQuery",
    )


def _tokens(text: str) -> list[str]:
    """Split a filter into words, quoted texts and punctuation."""
    tokens: list[str] = []
    at = 0
    text = text.strip()
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise bad_request("Invalid filter clause.", "BadRequest")
        tokens.append(match.group("text") or match.group("punct") or match.group("word"))
        at = match.end()
    return tokens


def _literal(token: str) -> Any:
    if token.startswith("'"):
        return token[1:-1].replace("''", "'")
    folded = token.casefold()
    if folded in ("true", "false", "null"):
        return {"true": True, "false": False, "null": None}[folded]
    return int(token) if token.isdigit() else token


def _fold(value: Any) -> Any:
    return value.casefold() if isinstance(value, str) else value


_TERM = re.compile(r'"(?P<field>\w+):(?P<value>[^"]*)"')


def search(text: str, get: Getter) -> Condition:
    """Return the condition of a `$search`: quoted `property:token` terms joined by AND or OR."""
    terms = list(_TERM.finditer(text))
    rest = _TERM.sub("", text).split()
    if not terms or any(word.upper() not in ("AND", "OR") for word in rest):
        raise bad_request(f"Syntax error: character at position 0 is not valid in '{text}'.", "BadRequest")
    conditions = [_term(match["field"], match["value"], get) for match in terms]
    joined = any if "OR" in (word.upper() for word in rest) else all
    return lambda item: joined(condition(item) for condition in conditions)


def _term(field: str, value: str, get: Getter) -> Condition:
    name, wanted = field.casefold(), value.casefold().strip()
    if name not in ("displayname", "mail", "userprincipalname", "givenname", "surname"):
        raise bad_request(_UNSUPPORTED, "Request_UnsupportedQuery")

    def matches(item: Any) -> bool:
        text = str(get(item, name) or "").casefold()
        return text.startswith(wanted) or any(word.startswith(wanted) for word in re.split(r"[\s@._-]+", text))

    return matches
