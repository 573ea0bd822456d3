"""Words for each kind of failure: what it means, and what can be done about it, in both languages."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from licenses.core.failures import FailureKind
from licenses.core.triage import kind_of_error
from licensing_portal.templatetags.ui import day


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a failure means: a title, and what can be done."""

    title: Any
    text: Any


EXPLANATIONS: dict[str, Explanation] = {
    FailureKind.NO_SEAT: Explanation(
        _("Not enough licenses"),
        _("No license of this product was free. Free or buy licenses, then try these users again."),
    ),
    FailureKind.EXCLUSIVE: Explanation(
        _("Conflicting service plans"),
        _("These service plans cannot be on for one user. Switch one of them off, or unassign the other product."),
    ),
    FailureKind.DEPENDENCY: Explanation(
        _("Missing required plan"),
        _("A service plan needs another one that the user does not have. Assign a product that contains it."),
    ),
    FailureKind.NO_LOCATION: Explanation(
        _("No usage location"),
        _("Microsoft assigns licenses only to users with a usage location. Set it, then try again."),
    ),
    FailureKind.LOCATION_FORBIDDEN: Explanation(
        _("Not available in this location"),
        _(
            "Microsoft does not offer a service plan of this product in the user's usage location. Switch the plan off,"
            " or leave the product out."
        ),
    ),
    FailureKind.INHERITED: Explanation(
        _("Inherited from a group"),
        _(
            "The license comes from a group and can be taken away only there: take the user out of the group, or leave"
            " it as it is."
        ),
    ),
    FailureKind.NOT_HELD: Explanation(
        _("The user no longer had the license"),
        _("Somebody else had unassigned it before. Try again: what is gone already is left out then."),
    ),
    FailureKind.BAD_SKU: Explanation(
        _("Product no longer available"),
        _("The customer does not own this product any more. Leave it out, or buy it again."),
    ),
    FailureKind.NOT_USER_SKU: Explanation(
        _("Not for users"),
        _("This product belongs to the whole organization and is not assigned to users. Leave it out."),
    ),
    FailureKind.BAD_PLAN: Explanation(
        _("Unknown service plan"),
        _("The product does not contain this service plan any more. Refresh, then try again."),
    ),
    FailureKind.PROXY: Explanation(
        _("Duplicate proxy address"),
        _("With the license the user would get an address that somebody else has. Change one of the two addresses."),
    ),
    FailureKind.ON_PREMISES: Explanation(
        _("Managed on premises"),
        _(
            "The user comes from the customer's own Active Directory, and this property can be changed only there."
            " Change it there, wait for the synchronization, then try again."
        ),
    ),
    FailureKind.CONCURRENCY: Explanation(
        _("Changed by two at once"), _("Microsoft was changing this user at the same moment. Try again.")
    ),
    FailureKind.NOT_FOUND: Explanation(
        _("User no longer exists"),
        _("The user was deleted at Microsoft. An admin of the customer can restore the user within 30 days."),
    ),
    FailureKind.FORBIDDEN: Explanation(
        _("Access refused"),
        _(
            "Microsoft did not allow it. Check that the admin relationship gives the role License Administrator, then"
            " try again."
        ),
    ),
    FailureKind.RELATIONSHIP: Explanation(
        _("No admin relationship"),
        _(
            "Microsoft knows of no admin relationship with this customer that lets us in: it has ended, or your group"
            " is not part of it. Ask the customer for a new one, then try again."
        ),
    ),
    FailureKind.CONSENT: Explanation(
        _("Consent missing"),
        _("The portal's application has no consent in the customer's directory. Let an admin give it, then try again."),
    ),
    FailureKind.CONDITIONAL_ACCESS: Explanation(
        _("Blocked by Conditional Access"),
        _(
            "A Conditional Access policy of the customer keeps us out. Ask the customer to exclude your partner tenant,"
            " then try again."
        ),
    ),
    FailureKind.MFA: Explanation(
        _("Multifactor authentication needed"),
        _("Microsoft wants a sign-in with multifactor authentication. Sign in again, then try again."),
    ),
    FailureKind.NO_TENANT: Explanation(
        _("Customer's directory not available"),
        _("Microsoft does not know the customer's directory, or has closed it. Check the customer in Partner Center."),
    ),
    FailureKind.TOKEN: Explanation(
        _("Sign-in refused"),
        _("Microsoft did not accept our sign-in for this customer. Sign in again, then try again."),
    ),
    FailureKind.CONFIGURATION: Explanation(
        _("Portal not set up correctly"),
        _(
            "Microsoft does not accept the credentials of the portal itself. Tell whoever runs the portal: its secret"
            " or certificate may have expired."
        ),
    ),
    FailureKind.THROTTLED: Explanation(_("Too many requests"), _("Microsoft asked to wait. Try again later.")),
    FailureKind.SERVER: Explanation(_("Error at Microsoft"), _("Microsoft could not answer. Try again later.")),
    FailureKind.SKU_SUSPENDED: Explanation(
        _("Product suspended"),
        _("The subscription of this product is suspended, so it cannot be assigned. Renew it, or leave it out."),
    ),
    FailureKind.CHANGED_ELSEWHERE: Explanation(
        _("Changed by somebody else"),
        _("The user's licenses are neither as before nor as wished. Look at what the user has now, then decide."),
    ),
    FailureKind.UNREADABLE: Explanation(
        _("Result unknown"),
        _("Microsoft's answer was lost, and reading the user did not settle it. It may or may not have happened."),
    ),
    FailureKind.NOT_DONE: Explanation(
        _("Not done by Microsoft"),
        _("Microsoft did not do it: the user still has what they had before. Try again."),
    ),
    FailureKind.UNKNOWN: Explanation(
        _("Refused by Microsoft"), _("Microsoft gave this reason, which the portal does not know yet:")
    ),
}

# Errors of a path (Graph's licenseAssignmentState.error) that a save does not have, or that it says to many users.
_OTHER = Explanation(
    _("Microsoft does not say why"),
    _("Usually another license of the same group failed, and this one with it. Look at the group's others."),
)
_PATH_ERRORS: dict[str, Explanation] = {
    "countviolation": Explanation(
        EXPLANATIONS[FailureKind.NO_SEAT].title,
        _("No license of the product was free. Free one or buy more, then try again."),
    ),
    "mutuallyexclusiveviolation": Explanation(
        EXPLANATIONS[FailureKind.EXCLUSIVE].title,
        _(
            "A service plan of this product and one that the user has already cannot be on together. Switch one of them"
            " off, or unassign the other product; then try again."
        ),
    ),
    "other": _OTHER,
    "others": _OTHER,
    "disabled": Explanation("", _("Microsoft has switched this assignment off.")),
}


def path_error(word: str) -> Explanation:
    """Return what an error of a path is called and means; Microsoft's own word, and no meaning, for one not known."""
    kind = kind_of_error(word)
    known = None if kind == FailureKind.UNKNOWN else EXPLANATIONS[kind]
    found = _PATH_ERRORS.get(word.casefold()) or known or Explanation(word, "")
    return Explanation(str(found.title) or word, str(found.text))


def refused_before(seen: str) -> str:
    """Return the sentence of a warning that comes from an earlier refusal (ISO 8601); empty for a rule's."""
    if not seen:
        return ""
    return gettext("Microsoft refused this here before (%(day)s)") % {"day": day(datetime.fromisoformat(seen))}


def explanation(kind: str) -> Explanation:
    """Return title and text of a failure kind; the unknown kind's for one without words."""
    return EXPLANATIONS.get(kind, EXPLANATIONS[FailureKind.UNKNOWN])
