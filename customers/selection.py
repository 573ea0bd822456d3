"""The users that a member of staff has ticked at one customer; every change raises the selection's counter."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import Case, Count, Exists, F, Max, Model, OuterRef, QuerySet, Subquery, Value, When
from django.db.models.expressions import Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from customers.models import Customer, DirectoryUser, EarlierUser, SelectedUser, Selection, Source
from licensing_portal.staff.models import StaffUser

# With a selection older than this the list asks "Keep or Clear".
STALE_AFTER = timedelta(hours=8)
# SQLite takes at most 32,766 parameters in a statement.
_PKS_AT_ONCE = 5_000
# So long a replaced selection can be restored.
EARLIER_KEPT_FOR = timedelta(days=1)


def get(staff: StaffUser, customer: Customer) -> Selection:
    """Return the person's selection at this customer, made empty on first use."""
    return Selection.objects.get_or_create(staff=staff, customer=customer)[0]


def hold(selection: Selection) -> Selection:
    """Return the selection as it is now, locked: nobody changes it before the transaction ends."""
    return Selection.objects.select_for_update().get(pk=selection.pk)


def count(selection: Selection) -> int:
    """Return the number of selected users who still exist."""
    # All but those who are gone: these are few and have an index, while to look at every user takes long.
    gone = DirectoryUser.objects.filter(customer=selection.customer_id, deleted_at__isnull=False).values("pk")
    rows = SelectedUser.objects.filter(selection=OuterRef("pk")).order_by()
    number = _number_of(rows) - _number_of(rows.filter(user_id__in=gone))
    return int(Selection.objects.filter(pk=selection.pk).values_list(number, flat=True).get())


def _number_of(rows: QuerySet[SelectedUser]) -> Coalesce:
    return Coalesce(Subquery(rows.values("selection").annotate(n=Count("pk")).values("n")), 0)


def users(selection: Selection) -> QuerySet[DirectoryUser]:
    """Return the selected users in list order."""
    return DirectoryUser.objects.filter(
        pk__in=SelectedUser.objects.filter(selection=selection).values("user_id"), deleted_at__isnull=True
    ).order_by("sort_key", "id")


def in_seat_order(selection: Selection) -> QuerySet[SelectedUser, int]:
    """Return row ids of the selected users in the order in which seats are given out.

    Those who came from a list come first, in its order; the others follow by name.
    """
    is_listed = Case(When(source=Source.LIST, then=Value(0)), default=Value(1))
    place = Case(When(source=Source.LIST, then=F("position")), default=Value(0))
    rows = SelectedUser.objects.filter(selection=selection, user__deleted_at__isnull=True)
    return rows.order_by(is_listed, place, "user__sort_key", "user_id").values_list("user_id", flat=True)


def chosen_among(selection: Selection, user_pks: Collection[int]) -> set[int]:
    """Return which of these users are selected."""
    return set(selection.rows.filter(user_id__in=user_pks).values_list("user_id", flat=True))


def marked(selection: Selection, found: QuerySet[DirectoryUser]) -> QuerySet[DirectoryUser]:
    """Let users bring `is_selected`."""
    return found.annotate(
        is_selected=Exists(SelectedUser.objects.filter(selection=selection, user_id=OuterRef("pk")).order_by())
    )


def is_stale(selection: Selection, now: datetime) -> bool:
    """Tell whether a selection that holds users is so old that it must be confirmed before it is used."""
    since = max((moment for moment in (selection.since, selection.kept_at) if moment), default=None)
    return since is not None and now - since > STALE_AFTER


def state_page(selection: Selection, shown: Sequence[int], ticked: Collection[int]) -> None:
    """Make the users shown on a page selected exactly as ticked; users of other pages stay as they are."""
    with _changing(selection):
        selection.rows.filter(user_id__in=set(shown) - set(ticked)).delete()
        _append(selection, [pk for pk in shown if pk in ticked])


def add(
    selection: Selection,
    user_pks: Sequence[int],
    source: Source = Source.TICK,
    details: Mapping[int, str] | None = None,
) -> None:
    """Add users in this order; those already selected keep their place and where they came from.

    Those deleted meanwhile are left out. `details` says more about the source, by row id.
    """
    with _changing(selection):
        _append(selection, user_pks, source, details)


def add_matching(selection: Selection, found: QuerySet[DirectoryUser], filters: str = "") -> None:
    """Add every user of a query in one statement, however many there are; `filters` is the query as an address."""
    with _changing(selection):
        place = _last_position(selection)
        in_order = Window(RowNumber(), order_by=[F("sort_key"), F("id")])
        texts = {"source": Value(Source.MATCHING.value), "filters": Value(filters)}
        query = found.annotate(chosen=Value(selection.pk), place=in_order + place, **texts).order_by("sort_key", "id")
        query = query.values_list("chosen", "pk", "place", "source", "filters")  # type: ignore[assignment]
        sql, params = query.query.sql_with_params()
        table = SelectedUser._meta.db_table
        # SQLite cannot tell ON CONFLICT from a join's ON unless the SELECT has a WHERE: ours always has one.
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO {table} (selection_id, user_id, position, source, source_detail) {sql}"
                " ON CONFLICT DO NOTHING",
                params,
            )


def remove(selection: Selection, object_ids: Collection[str]) -> None:
    """Take users out, by object id."""
    with _changing(selection):
        selection.rows.filter(user__object_id__in=object_ids).delete()


def remove_pks(selection: Selection, user_pks: Sequence[int]) -> None:
    """Take users out, by row id."""
    with _changing(selection):
        for start in range(0, len(user_pks), _PKS_AT_ONCE):
            selection.rows.filter(user_id__in=user_pks[start : start + _PKS_AT_ONCE]).delete()


def clear(selection: Selection) -> None:
    """Empty the selection."""
    with _changing(selection):
        selection.rows.all().delete()


def keep(selection: Selection) -> None:
    """Confirm an old selection; it is not changed by that."""
    Selection.objects.filter(pk=selection.pk).update(kept_at=timezone.now())


def replace(
    selection: Selection, user_pks: Sequence[int], source: Source, details: Mapping[int, str] | None = None
) -> int:
    """Make these users the whole selection; return how many others were selected: they can be restored."""
    with _changing(selection):
        others = set(selection.rows.values_list("user_id", flat=True)).difference(user_pks)
        # From one user's page to the next: what was set aside before is worth more than the one user between.
        is_passing = not selection.rows.exclude(source=Source.PAGE).exists() and earlier_count(
            selection, timezone.now()
        )
        sets_aside = bool(others) and not is_passing
        if sets_aside:
            selection.earlier.all().delete()
            _copy_rows(SelectedUser, EarlierUser, selection)
        _begin_anew(selection, earlier_at=timezone.now() if sets_aside else selection.earlier_at)
        _append(selection, user_pks, source, details)
    return len(others) if sets_aside else 0


def earlier_count(selection: Selection, now: datetime) -> int:
    """Return the number of users whom `restore` would select again."""
    if selection.earlier_at is None or now - selection.earlier_at > EARLIER_KEPT_FOR:
        return 0
    return selection.earlier.filter(user__deleted_at__isnull=True).count()


def restore(selection: Selection) -> None:
    """Exchange the selection and the one before it; nothing happens when that is too old or empty."""
    if not earlier_count(selection, timezone.now()):
        return
    with _changing(selection):
        last = selection.earlier.aggregate(last=Max("pk"))["last"] or 0
        _copy_rows(SelectedUser, EarlierUser, selection)
        _begin_anew(selection, earlier_at=timezone.now() if selection.earlier.filter(pk__gt=last).exists() else None)
        selection.earlier.filter(pk__lte=last, user__deleted_at__isnull=False).delete()
        _copy_rows(EarlierUser, SelectedUser, selection, up_to=last)
        selection.earlier.filter(pk__lte=last).delete()


def _begin_anew(selection: Selection, *, earlier_at: datetime | None) -> None:
    """Empty a selection for another set, which is as old as its first user."""
    selection.rows.all().delete()
    Selection.objects.filter(pk=selection.pk).update(since=None, kept_at=None, earlier_at=earlier_at)


def _copy_rows(source: type[Model], target: type[Model], selection: Selection, up_to: int | None = None) -> None:
    """Copy the users of a selection from one table to the other in one statement, however many there are."""
    fields = "selection_id, user_id, position, source, source_detail"
    condition, params = ("", [selection.pk]) if up_to is None else (" AND id <= %s", [selection.pk, up_to])
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {target._meta.db_table} ({fields})"
            f" SELECT {fields} FROM {source._meta.db_table} WHERE selection_id = %s{condition}",
            params,
        )


@contextmanager
def _changing(selection: Selection) -> Iterator[None]:
    """Hold the selection's row while its users change, then raise the counter and keep its age."""
    with transaction.atomic():
        hold(selection)
        if not selection.rows.exists():
            # It may have been emptied by a deletion at Microsoft: what comes now is a new set.
            Selection.objects.filter(pk=selection.pk).update(since=None, kept_at=None)
        yield
        now = timezone.now()
        filled = selection.rows.exists()
        changes: dict[str, object] = {"counter": F("counter") + 1, "changed_at": now}
        if not filled:
            changes |= {"since": None, "kept_at": None}
        Selection.objects.filter(pk=selection.pk).update(**changes)
        if filled:
            Selection.objects.filter(pk=selection.pk, since__isnull=True).update(since=now)
    selection.refresh_from_db()


def _last_position(selection: Selection) -> int:
    return selection.rows.aggregate(last=Max("position"))["last"] or 0


def _append(
    selection: Selection,
    user_pks: Sequence[int],
    source: Source = Source.TICK,
    details: Mapping[int, str] | None = None,
) -> None:
    """Put users who still exist behind those already there."""
    place = _last_position(selection)
    details = details or {}
    for start in range(0, len(user_pks), _PKS_AT_ONCE):
        some = user_pks[start : start + _PKS_AT_ONCE]
        known = set(DirectoryUser.objects.of(selection.customer).filter(pk__in=some).values_list("pk", flat=True))
        SelectedUser.objects.bulk_create(
            [
                SelectedUser(
                    selection=selection,
                    user_id=pk,
                    position=place + start + number,
                    source=source,
                    source_detail=details.get(pk, ""),
                )
                for number, pk in enumerate(some, start=1)
                if pk in known
            ],
            ignore_conflicts=True,
        )
