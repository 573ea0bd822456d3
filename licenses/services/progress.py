"""Where a running change stands: what is being done, how far it is, and how long the rest takes."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.conf import settings
from django.db.models import Max
from django.utils import timezone

from licenses.core.estimate import Estimate, estimate
from licenses.models import LicenseChange, UserChange, WorkerBeat
from licenses.services import lanes
from licenses.services.budget import is_open, tokens_left
from licenses.services.report import Counts, counts

Status, State = LicenseChange.Status, UserChange.State

# A young change is asked about each second, an older one less often.
_SOON = 60
_SPEED_OVER = 60.0
_SILENT_AFTER = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Silence:
    """No worker has said anything lately; `since` is when one did last, None when nobody knows of any."""

    since: datetime | None


class Phase(StrEnum):
    """What is being done."""

    PLANNING = "planning"
    WAITING = "waiting"
    SAVING = "saving"
    STOPPING = "stopping"
    READING = "reading"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A running change; `done` of `total` users are through with this phase."""

    phase: Phase
    counts: Counts
    done: int
    total: int
    # The changes of the same customer that come first; users a second, lately.
    ahead: tuple[LicenseChange, ...]
    speed: int
    left: Estimate | None
    # Seconds until the page asks again.
    pause: int
    silence: "Silence | None"
    # Paused because Microsoft does not answer, not because it asked to wait.
    is_unanswered: bool = False

    @property
    def is_counted(self) -> bool:
        """Whether a share can be told: neither before the plan is there, nor while calls under way are awaited."""
        return self.phase not in (Phase.PLANNING, Phase.STOPPING) and self.total > 0

    @property
    def quarter(self) -> int:
        """The last quarter that is done, in percent."""
        return self.done * 4 // self.total * 25 if self.total else 0

    @property
    def milestone(self) -> str:
        """What is said aloud, once each: the quarters, and that something else is done now."""
        return str(self.quarter) if self.phase == Phase.SAVING else self.phase.value


def progress_of(change: LicenseChange) -> Progress:
    """Return where an open change stands."""
    window = _window(change)
    found = counts(change, since=timezone.now() - timedelta(seconds=window))
    phase = _phase(change, found)
    open_users = found.pending + found.in_flight
    # Not those whom planning refused, or found as wished: they say nothing about Microsoft's pace.
    speed = found.recent / window if phase == Phase.SAVING and change.started_at else 0.0
    return Progress(
        phase=phase,
        counts=found,
        done=found.total - _unread(change) if phase == Phase.READING else found.done,
        total=found.total,
        ahead=_ahead(change) if phase == Phase.WAITING else (),
        speed=round(speed),
        left=_left(change, open_users, speed) if phase == Phase.SAVING else None,
        pause=1 if _age(change) < _SOON else 3,
        silence=_silence(),
        is_unanswered=phase == Phase.PAUSED and is_open(change.customer.tenant_id),
    )


def writes_left(change: LicenseChange) -> int:
    """Return how many calls a change still needs: a user whose location comes first needs two."""
    return change.user_changes.filter(state__in=UserChange.OPEN).count() + _locations_left(change)


def _locations_left(change: LicenseChange) -> int:
    first = change.user_changes.filter(state__in=UserChange.OPEN, step=UserChange.Step.LOCATION)
    return first.exclude(add=[], remove=[]).count()


def _phase(change: LicenseChange, found: Counts) -> Phase:
    if change.status == Status.PLANNING:
        return Phase.PLANNING
    if change.status == Status.QUEUED:
        return Phase.WAITING
    if not found.pending and not found.in_flight:
        return Phase.READING
    if change.cancel_requested_at:
        return Phase.STOPPING
    return Phase.PAUSED if change.status == Status.PAUSED else Phase.SAVING


def _unread(change: LicenseChange) -> int:
    return change.user_changes.filter(after__isnull=True).count()


def _left(change: LicenseChange, users: int, speed: float) -> Estimate:
    """Return how long the open users take, by what the budget still holds."""
    writes = users + _locations_left(change)
    return estimate(
        writes,
        rate=settings.WRITES_PER_SECOND,
        burst=tokens_left(change.customer.tenant_id),
        speed=speed * writes / users if users else 0.0,
    )


def _window(change: LicenseChange) -> float:
    """Return over how many seconds the pace is measured: the last minute, or since the start while it is younger."""
    lived = (timezone.now() - change.started_at).total_seconds() if change.started_at else 0.0
    return min(_SPEED_OVER, max(1.0, lived))


def _ahead(change: LicenseChange) -> tuple[LicenseChange, ...]:
    return tuple(lanes.ahead_of(change).select_related("staff"))


def _silence() -> Silence | None:
    """Tell whether nobody works: each worker beats every two seconds."""
    last = WorkerBeat.objects.aggregate(at=Max("at"))["at"]
    return Silence(last) if last is None or timezone.now() - last > _SILENT_AFTER else None


def _age(change: LicenseChange) -> float:
    """Return the seconds since a change was queued."""
    return (timezone.now() - (change.queued_at or change.created_at)).total_seconds()
