"""Users by their addresses: GET /users filtered by sign-in name, mail and proxy addresses (graph-api.md 2.1).

Microsoft compares without case. An address may be one user's sign-in name and another one's mail: both are returned,
and it is not ours to choose.
"""

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Final

from licensing_portal.gateways import batch, records
from licensing_portal.gateways.answers import Json
from licensing_portal.gateways.clauses import ADVANCED, IDS_A_CLAUSE, has_one_of, is_one_of
from licensing_portal.gateways.errors import REFUSALS, Unreadable
from licensing_portal.gateways.protocol import AddressLookup, UserRecord
from licensing_portal.gateways.transport import Transport, page_values

_PROXIES: Final = "proxyAddresses"
_SELECT: Final = f"$select={records.USER_PROPERTIES},{_PROXIES}&$top=100"
_SMTP: Final = "smtp:"


def find(transport: Transport, addresses: Sequence[str]) -> AddressLookup:
    """Return whose these are; other addresses than sign-in name and mail are asked for only where neither fits.

    Where the query for those is refused they belong to nobody. Raises GatewayError.
    """
    wanted = list(dict.fromkeys(_fold(address) for address in addresses))
    users: dict[str, UserRecord] = {}
    owned: dict[str, set[str]] = {}
    for name in ("userPrincipalName", "mail"):
        paths = [f"/users?$filter={is_one_of(name, some)}&{_SELECT}" for some in _clauses(wanted)]
        _add(_entries(transport, paths, {}), wanted, users, owned)
    left = [address for address in wanted if not any(address in known for known in owned.values())]
    proxies = [f"{_SMTP}{address}" for address in left]
    paths = [f"/users?$count=true&$filter={has_one_of(_PROXIES, some)}&{_SELECT}" for some in _clauses(proxies)]
    with suppress(*REFUSALS):
        _add(_entries(transport, paths, ADVANCED), wanted, users, owned)
    return AddressLookup(users=users, addresses={user_id: frozenset(known) for user_id, known in owned.items()})


def _clauses(values: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(values), IDS_A_CLAUSE):
        yield values[start : start + IDS_A_CLAUSE]


def _entries(transport: Transport, paths: Sequence[str], headers: Mapping[str, str]) -> Iterator[Json]:
    """Yield the users of all these lists and of the pages that follow them."""
    for start in range(0, len(paths), batch.SIZE):
        some = paths[start : start + batch.SIZE]
        for path, page in zip(some, batch.read(transport, some, headers=headers), strict=True):
            yield from page_values(page, path)
            following = transport.next_path(page, path)
            for values in transport.pages(following, headers=headers) if following else ():
                yield from values


def _add(
    entries: Iterable[Json], wanted: Sequence[str], users: dict[str, UserRecord], owned: dict[str, set[str]]
) -> None:
    """Keep users with those of their addresses that are wanted; raises Unreadable for one that cannot be read."""
    asked = set(wanted)
    for entry in entries:
        found, odd = records.read_users([entry], "GET /users")
        if odd:
            raise Unreadable("GET /users", message="a user is not as documented")
        for user_id, user in found.items():
            if known := asked & {_fold(user.user_principal_name), _fold(user.mail), *_proxies(entry)}:
                users[user_id] = user
                owned.setdefault(user_id, set()).update(known)


def _proxies(entry: Json) -> Iterator[str]:
    """Yield a user's addresses for mail; those of other kinds (SIP, X500) are passed over."""
    values = entry.get(_PROXIES)
    for value in values if isinstance(values, list) else ():
        if isinstance(value, str) and value[: len(_SMTP)].lower() == _SMTP:
            yield _fold(value[len(_SMTP) :])


def _fold(address: str) -> str:
    """Return an address as it is compared."""
    return unicodedata.normalize("NFKC", address).casefold()
