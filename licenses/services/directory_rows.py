"""Writes users with their licences in bulk: the one writer that sync, refresh and the pump share.

Every difference to what was known becomes a LicenseEvent; a user whose licences did not change costs no write but
their own row.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from customers.models import Customer
from customers.sync import KnownUser, known_users, upsert_users
from licenses.core.holdings import DIRECT, Held, Path, PathState
from licenses.models import Assignment, Holding, LicenseEvent, PlanSet, Product
from licenses.services.causes import cause_of, wanted_of
from licenses.services.products import ensure_products
from licensing_portal.bulk_rows import insert_rows
from licensing_portal.gateways.protocol import AssignmentPath, UserRecord

# A connection to SQLite keeps its last 128 statements: those of one length are one, not megabytes each.
_ROWS_AT_ONCE = 500
_ASSIGNMENT = ("customer", "user", "product", "via", "plan_set", "state", "error", "since")
_HOLDING = ("customer", "user", "product", "plan_set", "direct", "by_group", "direct_plan_set")


@dataclass(frozen=True, slots=True)
class StoredPath:
    """A path as it stands in the table; equal values need no write."""

    plan_set: int
    state: str
    error: str
    since: datetime | None


# Product row id → via → path.
type Paths = dict[int, dict[str, StoredPath]]


@dataclass
class RowWriter:
    """Writes pages of users of one customer; keeps product and plan set ids between pages."""

    customer: Customer
    _products: dict[str, int] = field(default_factory=dict)
    _sets: dict[tuple[int, frozenset[str]], int] = field(default_factory=dict)
    _disabled: dict[int, frozenset[str]] = field(default_factory=dict)

    def write(self, records: Sequence[UserRecord], *, read_at: datetime, first: bool) -> None:
        """Write users in one transaction; `first`: nothing was known before, so nothing is an event.

        `read_at` is when Microsoft was asked: users of whom we have a later answer are left as they are.
        """
        if not records:
            return
        self._learn(records)
        with transaction.atomic():
            known = known_users(self.customer, [record.object_id for record in records])
            records = [one for one in records if _is_news(known.get(one.object_id), read_at)]
            object_ids = [record.object_id for record in records]
            known = {object_id: known[object_id] for object_id in object_ids if object_id in known}
            upsert_users(self.customer, records, licensed=_licensed(records), read_at=read_at)
            pks = self._row_ids(known, object_ids)
            old = self._stored([user.pk for user in known.values()])
            new = {pks[record.object_id]: self._paths(record) for record in records}
            changed = [pk for pk, paths in new.items() if paths != old.get(pk, {})]
            self._rewrite({pk: new[pk] for pk in changed}, gone=[pk for pk in changed if pk in old])
            if not first:
                # Dated when they can be seen: whoever opened a page before has not seen them.
                self._write_events(records, known, pks, old, new, timezone.now())

    def _row_ids(self, known: dict[str, KnownUser], object_ids: Sequence[str]) -> dict[str, int]:
        """Return the row ids after the upsert; only those of new users must be asked for."""
        new = [object_id for object_id in object_ids if object_id not in known]
        return {key: user.pk for key, user in (known | known_users(self.customer, new)).items()}

    def _learn(self, records: Sequence[UserRecord]) -> None:
        """Make sure of the product and plan set rows that these users need."""
        skus = {path.sku_id for record in records for path in record.paths}
        if unknown := skus - self._products.keys():
            self._products.update(ensure_products((sku_id, "") for sku_id in unknown))
        wanted = {(self._products[path.sku_id], path.disabled) for record in records for path in record.paths}
        wanted |= {key for record in records for key in self._effective_sets(record)}
        if missing := wanted - self._sets.keys():
            self._make_sets(missing)

    def _effective_sets(self, record: UserRecord) -> list[tuple[int, frozenset[str]]]:
        return [(self._products[sku_id], held.disabled) for sku_id, held in _held(record).items() if held.holds]

    def _make_sets(self, missing: set[tuple[int, frozenset[str]]]) -> None:
        """Get or make plan sets; another process may make the same ones at the same time."""
        digests = {(product, PlanSet.digest_of(disabled)): disabled for product, disabled in missing}
        self._find_sets(digests)
        # Read first: nearly always all are known, and a write would wait for every other writer.
        absent = {key: disabled for key, disabled in digests.items() if (key[0], disabled) not in self._sets}
        if not absent:
            return
        PlanSet.objects.bulk_create(
            [
                PlanSet(product_id=product, digest=digest, disabled=sorted(disabled))
                for (product, digest), disabled in absent.items()
            ],
            ignore_conflicts=True,
        )
        self._find_sets(absent)

    def _find_sets(self, digests: dict[tuple[int, str], frozenset[str]]) -> None:
        """Take over the row ids of those plan sets that are there."""
        found = PlanSet.objects.filter(
            product_id__in={product for product, _ in digests}, digest__in={d for _, d in digests}
        )
        for pk, product, digest in found.values_list("pk", "product_id", "digest"):
            if (product, digest) in digests:
                self._sets[product, digests[product, digest]] = pk
                self._disabled[pk] = digests[product, digest]

    def _paths(self, record: UserRecord) -> Paths:
        paths: Paths = {}
        for path in record.paths:
            product = self._products[path.sku_id]
            paths.setdefault(product, {})[path.via] = StoredPath(
                self._sets[product, path.disabled], path.state, path.error or "", path.updated_at
            )
        return paths

    def _stored(self, user_pks: Sequence[int]) -> dict[int, Paths]:
        """Return the paths that the table knows of these users."""
        stored: dict[int, Paths] = {}
        rows = Assignment.objects.filter(user_id__in=user_pks).values_list(
            "user_id", "product_id", "via", "plan_set_id", "state", "error", "since"
        )
        unknown: set[int] = set()
        for user_pk, product, via, plan_set, state, error, since in rows:
            stored.setdefault(user_pk, {}).setdefault(product, {})[via] = StoredPath(plan_set, state, error, since)
            if plan_set not in self._disabled:
                unknown.add(plan_set)
        if unknown:
            found = PlanSet.objects.filter(pk__in=unknown).values_list("pk", "disabled")
            self._disabled.update((pk, frozenset(disabled)) for pk, disabled in found)
        return stored

    def _rewrite(self, changed: dict[int, Paths], *, gone: Sequence[int]) -> None:
        """Replace the assignments and holdings of users whose paths differ."""
        if gone:
            Assignment.objects.filter(user_id__in=gone).delete()
            Holding.objects.filter(user_id__in=gone).delete()
        assignments: list[tuple[Any, ...]] = []
        holdings: list[tuple[Any, ...]] = []
        for user_pk, paths in changed.items():
            for product, by_via in paths.items():
                key = (self.customer.pk, user_pk, product)
                assignments += [
                    (*key, via, path.plan_set, path.state, path.error, path.since) for via, path in by_via.items()
                ]
                if (held := self._holding(product, by_via)) is not None:
                    holdings.append((*key, *held))
        insert_rows(Assignment, _ASSIGNMENT, assignments)
        insert_rows(Holding, _HOLDING, holdings)

    def _holding(self, product: int, by_via: dict[str, StoredPath]) -> tuple[int, bool, bool, int | None] | None:
        """Return what counts for a user and product (`_HOLDING`, from plan_set on); None when no path holds."""
        active = {via: path for via, path in by_via.items() if PathState.parse(path.state).holds}
        if not active:
            return None
        direct = active.get(DIRECT)
        by_group = len(active) > (direct is not None)
        if len(active) == 1:
            plan_set = next(iter(active.values())).plan_set
        else:
            plan_set = self._sets[
                product, frozenset.intersection(*(self._disabled[p.plan_set] for p in active.values()))
            ]
        return plan_set, direct is not None, by_group, direct.plan_set if direct else None

    def _write_events(
        self,
        records: Sequence[UserRecord],
        known: dict[str, KnownUser],
        pks: dict[str, int],
        old: dict[int, Paths],
        new: dict[int, Paths],
        seen_at: datetime,
    ) -> None:
        """Write what has changed since the last read, as the users' history."""
        events: list[LicenseEvent] = []
        for record in records:
            pk, before = pks[record.object_id], known.get(record.object_id)
            location = record.usage_location or ""
            if before is not None and before.usage_location != location:
                seen, now = {"usageLocation": before.usage_location}, {"usageLocation": location}
                events.append(self._event(record, pk, None, seen, now, seen_at))
            was, has = old.get(pk, {}), new[pk]
            for product in was.keys() | has.keys():
                seen_json, now_json = self._json(was.get(product)), self._json(has.get(product))
                if seen_json != now_json:
                    events.append(self._event(record, pk, product, seen_json, now_json, seen_at))
        if events:
            self._name_causes(events)
            LicenseEvent.objects.bulk_create(events, _ROWS_AT_ONCE)

    def _name_causes(self, events: Sequence[LicenseEvent]) -> None:
        """Name the running change of ours that made a difference; all others were only seen."""
        wanted = wanted_of(self.customer, {event.object_id for event in events})
        if not wanted:
            return
        pks = {event.product_id for event in events if event.product_id is not None}
        skus = dict(Product.objects.filter(pk__in=pks).values_list("pk", "sku_id"))
        for event in events:
            sku_id = skus[event.product_id] if event.product_id is not None else ""
            event.change_id = cause_of(wanted, event.object_id, sku_id, event.after)

    def _event(
        self, record: UserRecord, pk: int, product: int | None, before: Any, after: Any, seen_at: datetime
    ) -> LicenseEvent:
        return LicenseEvent(
            customer=self.customer,
            user_id=pk,
            object_id=record.object_id,
            product_id=product,
            before=before,
            after=after,
            seen_at=seen_at,
        )

    def _json(self, by_via: dict[str, StoredPath] | None) -> Any:
        """Return a product's paths as an event shows them; None when there is none."""
        if not by_via:
            return None
        return {
            "paths": {
                via: {"disabled": sorted(self._disabled[path.plan_set]), "state": path.state}
                for via, path in sorted(by_via.items())
            }
        }


def _is_news(known: KnownUser | None, read_at: datetime) -> bool:
    return known is None or known.read_at <= read_at


def _held(record: UserRecord) -> dict[str, Held]:
    """Return what the record's paths add up to, by SKU."""
    paths: dict[str, list[Path]] = {}
    for path in record.paths:
        paths.setdefault(path.sku_id, []).append(_core_path(path))
    return {sku_id: Held(tuple(found)) for sku_id, found in paths.items()}


def _licensed(records: Sequence[UserRecord]) -> set[str]:
    """Return the object ids of those who hold anything."""
    return {record.object_id for record in records if any(PathState.parse(path.state).holds for path in record.paths)}


def _core_path(path: AssignmentPath) -> Path:
    return Path(via=path.via, disabled=path.disabled, state=PathState.parse(path.state))


def store_users(
    customer: Customer,
    records: Sequence[UserRecord],
    *,
    read_at: datetime,
    first: bool,
) -> None:
    """Write these users once."""
    RowWriter(customer).write(records, read_at=read_at, first=first)
