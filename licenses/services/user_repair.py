"""Repairs on one user's page: what each of its forms offers, and the draft that a button makes for this user alone."""

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from customers.models import DirectoryUser
from licenses.core.app_check import check_app
from licenses.core.app_findings import Check, Facts, Step
from licenses.core.apps import App
from licenses.core.catalog import SkuId
from licenses.core.diff import Wish
from licenses.core.holdings import Path
from licenses.core.path_repair import is_broken, path_repairs, wish_of
from licenses.core.repair import Act, Repair
from licenses.models import LicenseChange
from licenses.services import keys, save
from licenses.services.repair import Offer
from licenses.services.states import Licences
from licenses.services.user_page import path_key
from licensing_portal.staff.models import StaffUser

_SENDS_NOTHING_DIRECT = frozenset({Act.REMOVE, Act.REPROCESS})


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairForm:
    """The buttons of one place of the page; `id` names it, `sku_id` and `path` are of a path in error.

    `needs_location`: the user has none, so one is chosen with the button.
    """

    id: str
    offers: tuple[Offer, ...]
    needs_location: bool
    sku_id: SkuId = ""
    path: Path | None = None

    def offered(self, code: str) -> Repair | None:
        """Return the repair that a code names, if the form has it."""
        return next((offer.repair for offer in self.offers if offer.repair.code == code), None)

    def wish(self, repair: Repair, location: str) -> Wish:
        """Return what a repair of the form wishes."""
        return wish_of(repair, self.sku_id, self.path, location if needs_location(repair) else "")


def needs_location(repair: Repair) -> bool:
    """Tell whether Microsoft refuses a repair for a user without a usage location."""
    return repair.act not in _SENDS_NOTHING_DIRECT


def form_named(form_id: str, licences: Licences, app: App | None) -> RepairForm | None:
    """Return the form that an id names: of a path in error, or of a check of the app."""
    if (form := path_forms(licences).get(form_id)) is not None or app is None:
        return form
    checks = check_app(Facts(app=app, state=licences.state, catalog=licences.catalog))
    return next((form for form in check_forms(checks, licences).values() if form.id == form_id), None)


def path_forms(licences: Licences) -> dict[str, RepairForm]:
    """Return the forms of a user's paths in error, by path; none where no license would help."""
    if not licences.state.enabled or licences.state.guest:
        return {}
    forms: dict[str, RepairForm] = {}
    for sku_id, held in licences.state.held.items():
        for path in filter(is_broken, held.paths):
            if repairs := path_repairs(licences.state, sku_id, path, licences.catalog):
                key = path_key(sku_id, path.via)
                forms[key] = _form(key, repairs, licences, sku_id=sku_id, path=path)
    return forms


def check_forms(checks: Iterable[Check], licences: Licences) -> dict[Step, RepairForm]:
    """Return the forms of checks by their step; those of paths in error are the paths' own."""
    return {check.step: _form(check.step.value, check.repairs, licences) for check in checks if check.repairs}


def _form(
    form_id: str, repairs: Sequence[Repair], licences: Licences, *, sku_id: SkuId = "", path: Path | None = None
) -> RepairForm:
    names = licences.catalog.names
    return RepairForm(
        id=form_id,
        offers=tuple(Offer(one, names.get(one.sku_id, ""), names.get(one.plan_id, "")) for one in repairs),
        needs_location=not licences.state.usage_location and any(map(needs_location, repairs)),
        sku_id=sku_id,
        path=path,
    )


def make(user: DirectoryUser, staff: StaffUser, wish: Wish, *, key: str, button: str) -> LicenseChange:
    """Make the draft of a repair for this user; `button` names what was pressed. Raises NobodySelected."""
    name = _draft_key(user, key, button)
    content = _content(user, button)
    return save.make_draft(
        staff=staff,
        customer=user.customer,
        wish=wish,
        user_pks=[user.pk] if user.deleted_at is None else [],
        key=name,
        content=content,
        kind=LicenseChange.Kind.REPAIR,
    )


def made_before(user: DirectoryUser, staff: StaffUser, *, key: str, button: str) -> LicenseChange | None:
    """Return the change that this press of a button has made already."""
    return keys.same_key(staff, user.customer, _draft_key(user, key, button), _content(user, button))


def _draft_key(user: DirectoryUser, key: str, button: str) -> str:
    """Return a key of this button's own: whoever comes back may press the other one."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"{user.pk}:{button}:{key}").hex


def _content(user: DirectoryUser, button: str) -> str:
    return keys.content_digest(user.customer, [("user", user.object_id), ("button", button)])
