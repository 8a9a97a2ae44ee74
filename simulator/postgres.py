"""A PostgreSQL of one's own, for tests and benches: a private cluster on this machine's disk, as it
comes (fsync on, synchronous_commit on), on a unix socket, and standbys that stream from it.

Needs PostgreSQL's programs; `binaries` says whether they are there.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

USER = "counterd"
PORT = 5432
"""Names the socket's file; nothing listens on the network."""


def binaries() -> Path | None:
    """Where initdb and postgres are, or None where PostgreSQL is not installed."""
    found = [Path(each).resolve() for each in (shutil.which("initdb"),) if each]
    found += sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), reverse=True)
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True)
        found.append(Path(said.stdout.strip()) / "initdb")
    return next((each.parent for each in found if each.exists()), None)


class Server:
    """One PostgreSQL server in `home`, whose folder is its socket's too."""

    def __init__(self, home: Path, programs: Path, user: str | None) -> None:
        self.home = home
        self._programs = programs
        self._user = user

    @property
    def store(self) -> Path:
        return self.home / "data"

    @property
    def url(self) -> str:
        return f"postgresql://{USER}@/postgres?host={self.home}"

    def initialise(self) -> None:
        self._run("initdb", "-D", self.store, "-A", "trust", "-U", USER, "-E", "UTF8",
                  "--locale=C", "--no-sync")  # fmt: skip

    def follow(self, primary: Server, name: str) -> None:
        """Copies `primary`, which runs, and will stream from it under `name`."""
        self._run("pg_basebackup", "-h", primary.home, "-U", USER, "-D", self.store, "-R",
                  "-X", "stream", "-c", "fast")  # fmt: skip
        setting = f"primary_conninfo = 'host={primary.home} user={USER} application_name={name}'\n"
        with (self.store / "postgresql.auto.conf").open("a") as file:
            file.write(setting)

    def start(self, *settings: str) -> None:
        """`settings` are `name=value`."""
        told = ["listen_addresses=", f"unix_socket_directories={self.home}", "jit=off", *settings]
        options = " ".join(f"-c {each}" for each in told)
        self._run("pg_ctl", "-D", self.store, "-w", "-l", self.home / "log", "-o", options, "start")

    def configure(self, setting: str) -> None:
        """A line more in its configuration, in force at once where that needs no restart."""
        with (self.store / "postgresql.conf").open("a") as file:
            file.write(f"{setting}\n")
        self._run("pg_ctl", "-D", self.store, "reload")

    def stop(self) -> None:
        """At once; what was committed is there at the next start."""
        if self.pid is not None:
            self._run("pg_ctl", "-D", self.store, "-w", "-m", "immediate", "stop")

    def kill(self) -> None:
        """SIGKILL to the server and its children, as when the machine dies."""
        pid = self.pid
        if pid is None:
            return
        said = subprocess.run(["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True)
        for each in (pid, *(int(child) for child in said.stdout.split())):
            try:
                os.kill(each, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def promote(self) -> None:
        self._run("pg_ctl", "-D", self.store, "-w", "promote")

    @property
    def pid(self) -> int | None:
        """None where it does not run; one that was killed leaves its file behind."""
        file = self.store / "postmaster.pid"
        if not file.exists():
            return None
        pid = int(file.read_text().split()[0])
        return pid if Path(f"/proc/{pid}").exists() else None

    def _run(self, program: str, *arguments: str | Path) -> None:
        command: Sequence[str] = [str(self._programs / program), *map(str, arguments)]
        done = subprocess.run(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, user=self._user,
            cwd=self.home,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{program}: {done.stderr.decode(errors='replace')}")


@contextmanager
def folder(beside: Path | None = None) -> Iterator[Server | None]:
    """A server that is not initialised yet, whose folder is gone afterwards; None where PostgreSQL
    is not installed. `beside`: on the disk of that folder."""
    programs = binaries()
    if programs is None:
        yield None
        return
    user = _unprivileged()
    # Not below `beside` itself, whose parents may be closed to the other user; the same disk.
    home = Path(tempfile.mkdtemp(prefix="counterd-pg-", dir="/var/tmp"))
    if beside is not None and os.stat(home).st_dev != os.stat(beside).st_dev:
        shutil.rmtree(home)
        home = Path(tempfile.mkdtemp(prefix="postgres-", dir=beside))
    server = Server(home, programs, user)
    try:
        if user is not None:
            shutil.chown(home, user)
        yield server
    finally:
        if server.store.exists():
            server.stop()
        shutil.rmtree(home)


@contextmanager
def cluster(beside: Path | None = None, *settings: str) -> Iterator[Server | None]:
    """A running server, or None where PostgreSQL is not installed."""
    with folder(beside) as server:
        if server is not None:
            server.initialise()
            server.start(*settings)
        yield server


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"
