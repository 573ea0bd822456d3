"""The tour: six steps on コントソ商事, what each shows, and how far a person has come (kept in their session)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.contrib.sessions.backends.base import SessionBase
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

_SESSION = "tour"
# The ticket of the tour's own changes, in either language: only these are commented on.
REFERENCES = ("Tour", "ツアー")


@dataclass(frozen=True, slots=True)
class Step:
    """One step; `manage` and `review` are said on top of these pages while the step is the present one."""

    name: str
    title: Promise
    text: Promise
    manage: Promise | None = None
    review: Promise | None = None


STEPS = (
    Step(
        "clash",
        _("A clash"),
        _("Two products whose service plans cannot be on together, seen before saving"),
        _(
            "Three people have Exchange Online (Plan 1) and are to get Plan 2: the summary at the bottom warns of the"
            " clash. Untick Exchange Online (Plan 1), then press Save."
        ),
        _("Nothing is sent yet. Look at what happens to whom, then press the last button."),
    ),
    Step(
        "seats",
        _("Too few licenses"),
        _("Ten people want Microsoft 365 E5, and seven licenses are free"),
        _(
            "Ten people are to get Microsoft 365 E5, and seven licenses are free. Press Save: nothing starts, Review"
            " says who would be left out."
        ),
        _("Seven get a license, three are left out by name. Nothing is sent before you press the last button."),
    ),
    Step(
        "location",
        _("A missing location"),
        _("One of twelve joiners has no usage location and would be refused"),
        _(
            "One of twelve joiners has no usage location, and Microsoft would refuse the license. Choose Japan under"
            " Update location, then press Save."
        ),
        _("Whoever has no usage location is left out. Go back and choose one, or save for the others."),
    ),
    Step(
        "inherited",
        _("Given by a group"),
        _("Microsoft 365 E3 comes from the group 全社員 and cannot be unassigned here"),
        _(
            "The group 全社員 gives these people Microsoft 365 E3, so its box is ticked, locked, and names the group."
            " What they hold directly could be changed as usual."
        ),
    ),
    Step(
        "swap",
        _("A swap"),
        _("14 people of 営業部 move from Office 365 E1 to Microsoft 365 E3; what was off stays off"),
        _(
            "Office 365 E1 goes and Microsoft 365 E3 comes. Two of the 14 people have Teams off, and the summary at the"
            " bottom keeps it off. Press Save."
        ),
        _("Teams stays off for the two who had it off. Nothing is sent before you press the last button."),
    ),
    Step(
        "repair",
        _("A repair"),
        _("A change that Microsoft refused for three people, and the button that mends it"),
    ),
)
NAMES = tuple(step.name for step in STEPS)


@dataclass(slots=True)
class Progress:
    """How far a person is: steps taken, the present one (empty: none), and whether they want to see the tour."""

    done: list[str] = field(default_factory=list)
    at: str = ""
    is_hidden: bool = False

    @classmethod
    def of(cls, session: SessionBase) -> "Progress":
        """Read it from a session; what is not understood counts as nothing."""
        stored = session.get(_SESSION)
        data: Mapping[str, Any] = stored if isinstance(stored, dict) else {}
        done, at = data.get("done"), data.get("at")
        taken = [name for name in NAMES if isinstance(done, list) and name in done]
        return cls(taken, at if isinstance(at, str) and at in NAMES else "", bool(data.get("hidden")))

    def keep(self, session: SessionBase) -> None:
        """Write it into a session."""
        session[_SESSION] = {"done": self.done, "at": self.at, "hidden": self.is_hidden}

    def take(self, name: str) -> None:
        """Note that a step was taken; whoever takes one wants to see the tour."""
        self.done = [known for known in NAMES if known in (*self.done, name)]
        self.at, self.is_hidden = name, False

    @property
    def present(self) -> Step | None:
        """The present step."""
        return next((step for step in STEPS if step.name == self.at), None)

    @property
    def following(self) -> Step | None:
        """The next step that was not taken yet, after the present one first; None when all were."""
        start = NAMES.index(self.at) + 1 if self.at else 0
        return next((step for step in (*STEPS[start:], *STEPS[:start]) if step.name not in self.done), None)
