"""The groups of rows. A group is a module with `rows(bench)` that yields figures; a new one gets a line here."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Group:
    """A module of rows, and what the report says above its table."""

    module: str
    title: str
    about: str
    # Whether `--quick` measures it.
    is_quick: bool = True


GROUPS = {
    "sync": Group(
        "tests.bench.sync",
        "Reading a customer",
        "Over real HTTP on loopback from the sandbox in a process of its own, without latency. Seconds include the\n"
        "time in which the portal waits for the sandbox; memory is the peak of the portal's process.",
    ),
    "pages": Group(
        "tests.bench.pages",
        "Pages",
        "Server time of the whole request, middleware, template and compression included. The floor is the raw SQL\n"
        "that any implementation needs: the count, the ids of the page and the rows behind them with their licences.",
    ),
    "manage": Group(
        "tests.bench.manage",
        "Manage licenses",
        "A customer with 60 products and 600 service plans. Server time without waiting for Microsoft's answers, but\n"
        "with storing them; the queries are those of the page, what it reads again has a row of its own. The floor is\n"
        "one aggregate over the holdings of the selected users, plus the time to fill the template. The live summary\n"
        "plans a whole save.",
    ),
    "save": Group(
        "tests.bench.save",
        "Saving",
        "At 10,000 users: saves at stand-ins of their own, whose users all hold one product and get another one.\n"
        "Every way to save has its own users of the same stand-in, and × is against one call a user, one after\n"
        "another, in the same run. That loop writes one row a user, `$batch` one after another makes one update a\n"
        "call, and neither reads anything back; ours is from the first claim to the last outcome read back. One user\n"
        "is saved as a browser does it, with workers in processes of their own. The floor of a save at a limit is\n"
        "what the limit allows. At 100,000 users: a save of 50,000 of them, planned and saved by processes of their\n"
        "own; for its pages some users are then called failed, unknown or waiting. Saves are measured once.",
        is_quick=False,
    ),
}


def names(*, quick: bool) -> list[str]:
    """Return the groups that are measured when none are asked for by name."""
    return [name for name, group in GROUPS.items() if group.is_quick or not quick]
