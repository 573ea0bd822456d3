"""Who is who at コントソ商事, by the fixed ids of the stand-in (design, section 8)."""

import uuid

_SPACE = uuid.UUID("5d0f9c52-6f0e-4d2f-9a55-3b6f2f0c7a11")
STORY_TENANT_ID = str(uuid.uuid5(_SPACE, "story"))


def user_id(role: str, number: int) -> str:
    """Return the id of the n-th person (from 1) of a role: joiner, sales, wants-e5, member, mailbox, basic."""
    return str(uuid.uuid5(_SPACE, f"story/user/{role}/{number}"))
