"""Why an uploaded file cannot be a list of users."""

from enum import StrEnum

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Reason(StrEnum):
    """What is wrong with a file as a whole."""

    EMPTY = "empty"
    TOO_LARGE = "too large"
    TOO_MANY_ROWS = "too many rows"
    TOO_MUCH_INSIDE = "too much inside"
    NOT_TEXT = "not text"
    WEB_PAGE = "web page"
    OLD_WORKBOOK = "old workbook"
    BINARY_WORKBOOK = "binary workbook"
    PROTECTED = "protected"
    NO_WORKBOOK = "no workbook"
    DAMAGED = "damaged"
    BUSY = "busy"


SENTENCES: dict[Reason, str | Promise] = {
    Reason.EMPTY: _("This file holds no rows, or headings alone."),
    Reason.TOO_LARGE: _("This file is larger than 5 MB. Save the column with the sign-in names alone as CSV."),
    Reason.TOO_MANY_ROWS: _("This file has more than 50,000 rows. Upload it in parts: the selection adds up."),
    Reason.TOO_MUCH_INSIDE: _(
        "This workbook holds more than can be read here. Save the sheet with the users alone as CSV."
    ),
    Reason.NOT_TEXT: _("This file is neither a CSV file nor an Excel workbook."),
    Reason.WEB_PAGE: _("This file is a web page or XML. Open it in Excel and save it as an Excel workbook (.xlsx)."),
    Reason.OLD_WORKBOOK: _(
        "This file has the old Excel format (.xls). Open it in Excel and save it as an Excel workbook (.xlsx) or CSV."
    ),
    Reason.BINARY_WORKBOOK: _(
        "This file is a binary workbook (.xlsb). Open it in Excel and save it as an Excel workbook (.xlsx) or CSV."
    ),
    Reason.PROTECTED: _("This workbook is protected by a password. Save a copy without one."),
    Reason.NO_WORKBOOK: _("This file is an archive, but no Excel workbook. Choose a CSV file or a workbook (.xlsx)."),
    Reason.DAMAGED: _("This workbook cannot be read. Open it in Excel and save it again, or save it as CSV."),
    Reason.BUSY: _("Another file is being read. Try again in a minute."),
}


class Unfit(Exception):
    """A file that cannot be read as a list."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason.value)
        self.reason = reason
