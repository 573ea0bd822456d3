"""Words of the app check: what each check found, what that means, and where to look when all is in order.

One registry in both languages, like `explanations`. `%(app)s` is the app as a sentence names it, `%(word)s` what an
error or a status of Microsoft's is called here.
"""

from typing import Any

from django.utils.translation import gettext_lazy as _

from licenses.core.app_findings import Finding, Outcome, Step
from licenses.core.apps import App

# What people choose; Microsoft's names are no words of ours.
APPS: dict[App, Any] = {
    App.TEAMS: "Teams",
    App.OUTLOOK: "Outlook",
    App.ONEDRIVE: "OneDrive",
    App.OFFICE: _("Office apps"),
    App.COPILOT: "Copilot",
}
# As one thing that is on or off.
IN_SENTENCES: dict[App, str] = {
    App.TEAMS: "Teams",
    App.OUTLOOK: "Outlook",
    App.ONEDRIVE: "OneDrive",
    App.OFFICE: "Office",
    App.COPILOT: "Copilot",
}
OUTCOMES: dict[Outcome, Any] = {
    Outcome.PASS: _("Pass"),
    Outcome.WARN: _("Note"),
    Outcome.FAIL: _("Fail"),
    Outcome.UNKNOWN: _("Not known"),
    Outcome.SKIPPED: _("Not looked at"),
}
STEPS: dict[Step, Any] = {
    Step.ACCOUNT: _("Account"),
    Step.LOCATION: _("Usage location"),
    Step.PRODUCT: _("Product"),
    Step.PLAN: _("Service plan"),
    Step.ASSIGNMENT: _("Assignment"),
    Step.SUBSCRIPTION: _("Subscription"),
    Step.PROVISIONING: _("Provisioning"),
    Step.CHANGES: _("Recent changes"),
}
TITLES: dict[Finding, Any] = {
    Finding.ALLOWED: _("The account exists and may sign in"),
    Finding.DELETED: _("The account was deleted"),
    Finding.BLOCKED: _("Sign-in is blocked"),
    Finding.GUEST: _("The user is a guest"),
    Finding.LOCATED: _("A usage location is set"),
    Finding.NOT_LOCATED: _("No usage location is set"),
    Finding.ASSIGNED: _("A product with %(app)s is assigned"),
    Finding.NOTHING: _("No product is assigned"),
    Finding.SUITE_WITHOUT: _("The suite does not include %(app)s"),
    Finding.OTHERS_ONLY: _("No assigned product includes %(app)s"),
    Finding.LESSER: _("Only the apps in the browser and on phones are included"),
    Finding.UNKNOWN_PRODUCT: _("Whether a product includes %(app)s is not known"),
    Finding.ON: _("%(app)s is switched on"),
    Finding.OFF_DIRECT: _("%(app)s is switched off"),
    Finding.OFF_BY_GROUP: _("%(app)s is switched off by the group's assignment"),
    Finding.PARTLY_OFF: _("A part of %(app)s is switched off"),
    Finding.IN_ORDER: _("The assignment has no error"),
    Finding.IN_ERROR: _("The assignment is in error: %(word)s"),
    Finding.ERROR_BESIDE: _("One of several assignments is in error: %(word)s"),
    Finding.ACTIVE: _("The subscription is active"),
    Finding.IN_GRACE: _("The subscription has expired and is in its grace period"),
    Finding.LAPSED: _("The subscription does not run any more: %(word)s"),
    Finding.PROVISIONED: _("Microsoft has set %(app)s up for the user"),
    Finding.PENDING: _("Microsoft is still setting %(app)s up for the user"),
    Finding.NOT_ANSWERED: _("Whether Microsoft has set %(app)s up for the user is not known"),
    Finding.ODD_STATE: _("Microsoft does not say that %(app)s is set up"),
    Finding.UNCHANGED: _("Nothing changed in the last 24 hours"),
    Finding.CHANGED: _("Changed in the last 24 hours"),
}
ADVICE: dict[Finding, Any] = {
    Finding.DELETED: _(
        "Within 30 days the account can be restored in the Microsoft 365 admin center, under Deleted users. Its"
        " licenses come back with it where there are enough."
    ),
    Finding.BLOCKED: _(
        "No license helps here. Ask why the sign-in was blocked, then unblock it in the Microsoft 365 admin center,"
        " under Active users."
    ),
    Finding.GUEST: _(
        "A guest brings the license of their own organization; none of this customer is needed. Look at the settings"
        " for guests in Entra ID and in the app's admin center."
    ),
    Finding.NOT_LOCATED: _(
        "Microsoft assigns products directly only to users with a usage location. What comes by a group does without."
    ),
    Finding.LESSER: _(
        "Word, Excel and the others run in the browser and on phones. The desktop needs another product."
    ),
    Finding.UNKNOWN_PRODUCT: _(
        "The customer does not own this product any more, so Microsoft does not list its plans."
    ),
    Finding.OFF_BY_GROUP: _(
        "It can be switched on only where the group's license is assigned, in the Microsoft 365 admin center; or"
        " another product with it is assigned to the user."
    ),
    Finding.IN_GRACE: _("The app works until the grace period ends. Renew the subscription or buy another one before."),
    Finding.LAPSED: _(
        "Renew or reactivate the subscription where it was bought, or assign another product with the app."
    ),
    Finding.PENDING: _(
        "Microsoft has accepted the license and sets the app up: minutes as a rule, up to 24 hours at times. Check"
        " again later; after a day ask Microsoft's support."
    ),
    Finding.NOT_ANSWERED: _("Microsoft did not answer. Check again later."),
    Finding.ODD_STATE: _("Check again in a few minutes. If it stays so, ask Microsoft's support."),
    Finding.CHANGED: _("Microsoft needs up to 24 hours until a change reaches the app. Sign out and in again then."),
}
NO_PRODUCT_FITS = _(
    "None of the customer's products with the app has a free license and goes with what the user has. Buy licenses, or"
    " choose a product under Manage licenses."
)
_NEXT: dict[App, tuple[Any, ...]] = {
    App.TEAMS: (
        _("Teams admin center: the policies of the user, and whether the client is up to date"),
        _("The Teams client: sign out, clear its cache, or try teams.microsoft.com in the browser"),
    ),
    App.OUTLOOK: (
        _("Exchange admin center: the mailbox, its size and the message trace"),
        _("The Outlook profile: try Outlook on the web; if that works, make the profile anew"),
    ),
    App.ONEDRIVE: (
        _("SharePoint admin center: the storage of the user's OneDrive, and limits to sharing and networks"),
        _("The OneDrive client: unlink the computer and sign in again"),
    ),
    App.OFFICE: (
        _("Under Account in an Office app: the account that is signed in, and whether the product is activated"),
        _("The user's own account page: on how many computers Office is activated"),
    ),
    App.COPILOT: (
        _("The Office apps: signed in with this account, their version, and whether connected experiences are allowed"),
        _("The user's products: Copilot is an add-on and needs a Microsoft 365 or Office 365 suite beside it"),
        _("Microsoft 365 admin center: the settings of Copilot"),
    ),
}
_NEXT_FOR_ALL = (
    _("Microsoft 365 admin center: service health"),
    _("Entra ID: the user's sign-in log, with multifactor authentication and Conditional Access"),
)
_STATUSES = {
    "Suspended": _("suspended"),
    "LockedOut": _("locked, for it was cancelled"),
    "Deleted": _("deleted"),
    "PendingActivation": _("waiting for its activation"),
    "PendingProvisioning": _("being set up"),
    "PendingInput": _("waiting for a setting of an administrator"),
    "Disabled": _("disabled"),
}


def next_places(app: App) -> tuple[Any, ...]:
    """Return where to look when licensing is in order."""
    return (*_NEXT[app], *_NEXT_FOR_ALL)


def status_name(word: str) -> str:
    """Return what a status of a subscription or plan is called; Microsoft's own word for others."""
    return str(_STATUSES.get(word, word))
