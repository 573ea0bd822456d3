"""Turns Microsoft's answer into a failure that can be explained and repaired.

Licence refusals share one code, so their texts must be read; fragments are matched, never whole sentences, and a
text that is not known stays "unknown" with Microsoft's own words (graph-api.md 5.2, partner-center-api.md 3).
"""

import re
from collections.abc import Callable

from licenses.core.catalog import Catalog, PlanId, SkuId
from licenses.core.failures import RETRYABLE, SCOPES, Failure, FailureKind, Scope

# A GUID and the word before it, which says what it is: "SKU …", "License …", "service plan …", "Account …".
_GUID = re.compile(r"(?:([a-z]+)\W+)?\b([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\b")
type _Fragments = tuple[tuple[re.Pattern[str], FailureKind], ...]


def _fragments(*rows: tuple[str, FailureKind]) -> _Fragments:
    return tuple((re.compile(fragment), kind) for fragment, kind in rows)


# Fragments of licence refusals, in the order in which they are tried on the text, case folded and on one line.
_LICENCES = _fragments(
    (r"does not have any available licenses", FailureKind.NO_SEAT),
    (r"(?:\bplans?\b|[0-9a-f]{12}).* are mutually exclusive", FailureKind.EXCLUSIVE),
    (r"depends on the service plan", FailureKind.DEPENDENCY),
    (r"invalid usage location", FailureKind.NO_LOCATION),
    (r"prohibitedinusagelocationviolation", FailureKind.LOCATION_FORBIDDEN),
    (r"inherited from a group membership", FailureKind.INHERITED),
    (r"user does not have a corresponding license", FailureKind.NOT_HELD),
    (r"does not correspond to a valid company license", FailureKind.BAD_SKU),
    # Whole, for a longer sentence would speak of something else than the SKU.
    (r"^license \S+ cannot be assigned to a user\.?$", FailureKind.NOT_USER_SKU),
    (r"plan\b.* does not belong to the subscription", FailureKind.BAD_PLAN),
    (r"proxyaddresses already exists", FailureKind.PROXY),
    (r"on-premises mastered directory sync objects", FailureKind.ON_PREMISES),
    # Names of violations stand in words of Partner Center (partner-center-api.md 3.3).
    (r"\bmutuallyexclusiveviolation\b", FailureKind.EXCLUSIVE),
    (r"\bdependencyviolation\b", FailureKind.DEPENDENCY),
    (r"\bcountviolation\b|\blicensequotaexceededexception\b", FailureKind.NO_SEAT),
)
# Of tokens and rights, for statuses that speak of them: Graph's words, and numbers of Entra's sign-in
# (graph-api.md 5.3; a number is looked for whole).
_ACCESS = _fragments(
    (r"^unable to initialize the authorization context\b", FailureKind.RELATIONSHIP),
    (r"^user was not found\.?$", FailureKind.RELATIONSHIP),
    (r"\baadsts(50020|50177)\b", FailureKind.RELATIONSHIP),
    (r"\baadsts(65001|65004|700016)\b", FailureKind.CONSENT),
    (r"\baadsts5300[0-3]\b", FailureKind.CONDITIONAL_ACCESS),
    (r"\baadsts(50072|50074|50076|50079|50158)\b", FailureKind.MFA),
    (r"\baadsts(5000224|900023|90002)\b", FailureKind.NO_TENANT),
    (r"\baadsts(7000215|7000222|70002|700027)\b", FailureKind.CONFIGURATION),
    (r"\baadsts(700082|700084|70008|70043|50173)\b", FailureKind.TOKEN),
)
_CODES: dict[str, FailureKind] = {
    # Names of the violations that Graph uses for paths and newer APIs use as codes.
    "countviolation": FailureKind.NO_SEAT,
    "mutuallyexclusiveviolation": FailureKind.EXCLUSIVE,
    "dependencyviolation": FailureKind.DEPENDENCY,
    "prohibitedinusagelocationviolation": FailureKind.LOCATION_FORBIDDEN,
    "uniquenessviolation": FailureKind.PROXY,
    # The beta of cloud licensing (graph-api.md 5.2).
    "noavailablelicenses": FailureKind.NO_SEAT,
    "mutuallyexclusiveserviceplans": FailureKind.EXCLUSIVE,
    "invalidusagelocation": FailureKind.NO_LOCATION,
    "proxyaddressconflict": FailureKind.PROXY,
    "missingrequiredpermission": FailureKind.FORBIDDEN,
    "directory_concurrencyviolation": FailureKind.CONCURRENCY,
    "request_resourcenotfound": FailureKind.NOT_FOUND,
    "resourcenotfound": FailureKind.NOT_FOUND,
    "authorization_requestdenied": FailureKind.FORBIDDEN,
    "invalidauthenticationtoken": FailureKind.TOKEN,
    "toomanyrequests": FailureKind.THROTTLED,
    # Of the token endpoint, where no number says more.
    "invalid_client": FailureKind.CONFIGURATION,
    "unauthorized_client": FailureKind.CONFIGURATION,
    "consent_required": FailureKind.CONSENT,
    "invalid_grant": FailureKind.TOKEN,
    "interaction_required": FailureKind.TOKEN,
    # Not what their statuses (403, 409) usually say.
    "directory_quotaexceeded": FailureKind.UNKNOWN,
    "request_multipleobjectswithsamekeyvalue": FailureKind.UNKNOWN,
    # Partner Center's numbers (partner-center-api.md 3.2).
    "60012": FailureKind.NO_SEAT,
    "60002": FailureKind.NOT_FOUND,
    "60003": FailureKind.NO_TENANT,
    "60000": FailureKind.UNKNOWN,
    "900118": FailureKind.NO_TENANT,
    "20002": FailureKind.RELATIONSHIP,
    "900308": FailureKind.FORBIDDEN,
    "900150": FailureKind.FORBIDDEN,
    "2032": FailureKind.FORBIDDEN,
    "900309": FailureKind.CONDITIONAL_ACCESS,
    "900421": FailureKind.MFA,
    "900316": FailureKind.CONFIGURATION,
    "900329": FailureKind.CONFIGURATION,
    "900420": FailureKind.CONFIGURATION,
    "400": FailureKind.TOKEN,
    "800001": FailureKind.TOKEN,
    # Entra refused the token and says why in words alone.
    "90000": FailureKind.UNKNOWN,
}
# Numbers that say it only beside one status.
_CODES_OF_A_STATUS: dict[str, int] = {"400": 401, "800001": 401, "60002": 404, "60003": 404, "60012": 400}
# Statuses that say enough by themselves. 404 is not among them: a wrong address or a gateway answers with it, too, and
# a user who is there must not be called deleted.
_STATUSES: tuple[tuple[Callable[[int], bool], FailureKind], ...] = (
    (lambda status: status == 401, FailureKind.TOKEN),
    (lambda status: status == 403, FailureKind.FORBIDDEN),
    (lambda status: status == 429, FailureKind.THROTTLED),
    (lambda status: 500 <= status <= 599, FailureKind.SERVER),
)


def kind_of_error(word: str | None) -> FailureKind:
    """Return the kind that the error of a path means (Graph's licenseAssignmentState.error)."""
    return _CODES.get((word or "").casefold(), FailureKind.UNKNOWN)


def triage(status: int, code: str, message: str, *, request_id: str = "", catalog: Catalog | None = None) -> Failure:
    """Classify one answer; a text that no rule knows is UNKNOWN, never a guess."""
    kind = _kind(status, code, message)
    scope = SCOPES.get(kind, Scope.USER)
    # What concerns the customer is the same for everybody, whatever ids its words hold.
    skus, plans = _named(message, kind, catalog) if scope in (Scope.USER, Scope.PRODUCT) else ((), ())
    return Failure(
        kind=kind,
        scope=scope,
        retryable=kind in RETRYABLE,
        skus=skus,
        plans=plans,
        code=code,
        message=message,
        request_id=request_id,
        status=status,
    )


def _kind(status: int, code: str, message: str) -> FailureKind:
    """Text first, for licence refusals share their code; then the code; then the status."""
    folded = _folded(message)
    if status in (0, 400, 409):
        for fragment, kind in _LICENCES:
            if fragment.search(folded):
                return kind
    if status in (0, 400, 401, 403):
        for fragment, kind in _ACCESS:
            if fragment.search(folded):
                return kind
    by_code = _CODES.get(code.casefold())
    if by_code is not None and status in (0, _CODES_OF_A_STATUS.get(code, status)):
        return by_code
    if status == 409 and not code:
        return FailureKind.CONCURRENCY
    return next((kind for matches, kind in _STATUSES if matches(status)), FailureKind.UNKNOWN)


def _folded(message: str) -> str:
    return " ".join(message.casefold().split())


_SKU_WORDS = frozenset({"sku", "skuid", "license"})
_NAMES_PLANS = frozenset({FailureKind.EXCLUSIVE, FailureKind.DEPENDENCY, FailureKind.BAD_PLAN})


def _named(message: str, kind: FailureKind, catalog: Catalog | None) -> tuple[tuple[SkuId, ...], tuple[PlanId, ...]]:
    """Split the GUIDs of a text into SKUs and plans, each once and in order.

    The tenant's catalog decides; what it does not know goes by the word before it, then by what the kind speaks of.
    Accounts, users and other objects are left out; so is everything in a text that is not understood.
    """
    if kind == FailureKind.UNKNOWN:
        return (), ()
    owned = catalog.skus if catalog else {}
    skus: dict[SkuId, None] = {}
    plans: dict[PlanId, None] = {}
    for word, guid in _GUID.findall(_folded(message)):
        if guid not in owned and any(guid in sku.plan_ids for sku in owned.values()):
            plans[guid] = None
        elif guid in owned or word in _SKU_WORDS:
            skus[guid] = None
        elif kind in _NAMES_PLANS:
            plans[guid] = None
    return tuple(skus), tuple(plans)
