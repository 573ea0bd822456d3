"""One user as plain text for a ticket: who it is, what they hold by which path, what is wrong, what happened last."""

from datetime import datetime

from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from customers.models import DirectoryUser
from licenses.countries import named_code
from licenses.product_names import in_words
from licenses.services.user_history import HistoryLine
from licenses.services.user_page import PathLine, UserPage
from licensing_portal.templatetags.ui import moment_text

_LINES = 10


def ticket_text(user: DirectoryUser, page: UserPage, as_of: datetime) -> str:
    """Return the text in the reader's language; every time has its zone."""
    parts = [[user.display_name, *fact_lines(user, as_of)], [_("Products"), *_products(page.paths)]]
    if page.broken:
        parts.append([_("Errors"), *(f"- {_error(path)}" for path in page.broken)])
    if page.lines:
        parts.append([_("History"), *(f"- {event_text(line)}" for line in page.lines[:_LINES])])
    text = "\n\n".join("\n".join(part) for part in parts)
    return in_words(text)


def fact_lines(user: DirectoryUser, as_of: datetime) -> list[str]:
    """Return who a user is, one fact a line, and as of when."""
    customer = user.customer
    location = named_code(user.usage_location, get_language() or "en")
    facts = [
        (_("Sign-in name"), user.user_principal_name),
        (_("Object ID"), user.object_id),
        (_("Customer"), f"{customer.name} ({customer.tenant_id})"),
        (_("Sign-in"), _("allowed") if user.enabled else _("blocked")),
        (_("Type"), _("Guest") if user.is_guest else _("Member")),
        (_("Source"), _("synced from on-premises") if user.on_premises else _("cloud")),
        (_("Usage location"), location or _("Not set")),
        (_("Department"), user.department),
        (_("Job title"), user.job_title),
        (_("Mail"), user.mail),
        (_("Deleted"), moment_text(user.deleted_at)),
        (_("As of"), moment_text(as_of)),
        (_("Copied"), moment_text(timezone.now())),
    ]
    return [f"{name}: {value}" for name, value in facts if value]


def _products(paths: list[PathLine]) -> list[str]:
    return [f"- {_product(path)}" for path in paths] or [f"- {_('Unlicensed')}"]


def _product(path: PathLine) -> str:
    """Return a product by one path: state, since, and the plans that are off."""
    since = moment_text(path.since) or _("not known")
    words = [f"{path.product}, {_way(path)}", str(path.state), _("since %(t)s") % {"t": since}]
    if path.names_off:
        words.append(_("off: %(plans)s") % {"plans": ", ".join(path.names_off)})
    return "; ".join(words)


def _way(path: PathLine) -> str:
    return _("by group %(group)s") % {"group": path.group} if path.group else _("Direct")


def _error(path: PathLine) -> str:
    return f"{path.product}, {_way(path)}: {path.error or path.state}"


def event_text(line: HistoryLine) -> str:
    """Return what happened, and whose doing it was."""
    words = "; ".join(line.sentences)
    if line.request_id:
        words += " (" + _("Request id for Microsoft's support:") + f" {line.request_id})"
    return f"{moment_text(line.at)}: {words} · {line.who}"
