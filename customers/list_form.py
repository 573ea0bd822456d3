"""Reads what was posted to Select from a list: pasted text, an uploaded file, or both."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.core.files.uploadedfile import UploadedFile
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from customers import columns
from customers.pasted import Line, read_lines, split_lines
from customers.unfit import SENTENCES, Reason, Unfit
from customers.uploaded import MAX_FILE_BYTES, read_sheet

MAX_LINES = 50_000
# UTF-8; DATA_UPLOAD_MAX_MEMORY_SIZE leaves room for how a browser encodes it.
MAX_BYTES = 2 * 1024 * 1024
# Rows that name nobody by themselves: titles, dates, headings.
_HEADINGS = 20
# Characters that are kept of a row that names nobody, when there is no room for more.
_SHORT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """The text as typed and the lines that count, those of a file last; or a refusal, and the field it is about."""

    text: str = ""
    lines: list[Line] = field(default_factory=list)
    refusal: str | Promise = ""
    about: str = "lines"

    @property
    def box(self) -> str:
        """What the box must hold so that nothing is lost: the rows of a file are in no field any more."""
        typed = self.text.rstrip("\r\n")
        rows = in_box([line for line in self.lines if line.in_file], beside=len(typed.encode(errors="replace")))
        return "\n".join(part for part in (typed, rows) if part)


def in_box(lines: Sequence[Line], *, beside: int = 0) -> str:
    """Return lines as text that can be posted again: the rows of a file shortened when they are too much.

    `beside`: the bytes of what is in the box already.
    """
    texts = [line.text for line in lines if line.text]
    # A browser ends each line with two bytes.
    if beside + sum(len(text.encode(errors="replace")) + 2 for text in texts) > MAX_BYTES:
        texts = [(line.key or line.text[:_SHORT]) if line.in_file else line.text for line in lines if line.text]
    return "\n".join(texts)


def read_form(text: str, file: "UploadedFile[bytes] | None") -> Posted:
    """Return the lines of a text, then those of a file."""
    if refusal := _too_much(text):
        return Posted(text=text, refusal=refusal)
    lines = read_lines(text)
    if file is not None:
        try:
            lines += _read_file(file, at_most=MAX_LINES - len(lines))
        except Unfit as unfit:
            return Posted(text=text, refusal=SENTENCES[unfit.reason], about="file")
    if not lines:
        return Posted(text=text, refusal=_("Enter at least one sign-in name, mail address or object ID."))
    return Posted(text=text, lines=lines)


def _read_file(file: "UploadedFile[bytes]", *, at_most: int) -> list[Line]:
    """Return the lines of a file; raises Unfit."""
    if (file.size or 0) > MAX_FILE_BYTES:
        raise Unfit(Reason.TOO_LARGE)
    lines = columns.read_lines(read_sheet(file.read(), at_most=at_most + _HEADINGS))
    if not lines:
        raise Unfit(Reason.EMPTY)
    if len(lines) > at_most:
        raise Unfit(Reason.TOO_MANY_ROWS)
    return lines


def _too_much(text: str) -> str:
    """Return why a text is too long to be looked up, or nothing."""
    if len(text) > MAX_BYTES or len(text.encode(errors="replace")) > MAX_BYTES:
        return _("This list is larger than %(n)d MB. Paste it in parts: the selection adds up.") % {
            "n": MAX_BYTES // 1024**2
        }
    if len(split_lines(text)) > MAX_LINES:
        return _("This list has more than %(n)s lines. Paste it in parts: the selection adds up.") % {
            "n": f"{MAX_LINES:,}"
        }
    return ""
