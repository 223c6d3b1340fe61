"""The folders of releases: made, kept to go back to, and removed.

A release is built in the folder in which it runs: environments of Python and others write that path
into what they install. So a release is whole when its description is there, which is written last
and in one step; a folder without one was never finished.
"""

import os
import secrets
import shutil
import stat
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from deploys.detecting import Plan
from deploys.failures import ReleaseTooLarge
from deploys.places import Places
from deploys.supervision.watching import folder_bytes

TREE = "app"
DESCRIPTION = "release.json"
MIB = 1 << 20


class Release(Struct, frozen=True, kw_only=True):
    """A release that is kept. It has no value of the environment, for these are secrets."""

    id: str
    """Of the deployment that made it."""
    app: str
    environment: str
    """`production`, or the name of a preview."""
    sha: str
    run_dir: str
    """The folder below the repository's in which it was built and is started."""
    plan: Plan
    driver: str
    image: str = ""
    """Of the driver docker: built from a Dockerfile."""
    image_ports: tuple[int, ...] = ()
    """On which that image says it listens."""
    bytes: int
    """Of its folder and of its image."""
    made_at_us: int


class Releases:
    """The releases of one deployer. What it does takes time on a disk: call it in a thread."""

    def __init__(self, places: Places) -> None:
        self._places = places

    def begin(self, release_id: str) -> Path:
        """Returns the empty folder of a new release; what an earlier try left there is gone."""
        folder = self._folder(release_id)
        if folder.exists():
            self.remove(release_id)
        tree = folder / TREE
        tree.mkdir(parents=True, mode=0o700)
        return tree

    def finish(self, release: Release, *, limit_bytes: int) -> Release:
        """Keeps a release; its folder adds to its size. Raises `ReleaseTooLarge`."""
        size = release.bytes + folder_bytes(str(self.tree(release.id)))
        if size > limit_bytes:
            raise ReleaseTooLarge(
                f"The release takes {size // MIB:,} MiB; {limit_bytes // MIB:,} MiB are allowed"
            )
        release = msgspec.structs.replace(release, bytes=size, made_at_us=time.time_ns() // 1000)
        path = self._folder(release.id) / DESCRIPTION
        new = path.with_suffix(".new")
        with new.open("wb") as file:
            file.write(msgspec.json.encode(release))
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
        return release

    def tree(self, release_id: str) -> Path:
        """Returns the folder with a release's files."""
        return self._folder(release_id) / TREE

    def find(self, release_id: str) -> Release | None:
        """Returns a release that is whole; `None` where it is gone, or never was."""
        try:
            content = (self._folder(release_id) / DESCRIPTION).read_bytes()
            return msgspec.json.decode(content, type=Release)
        except (OSError, msgspec.DecodeError):
            return None

    def names(self) -> list[str]:
        """Returns the ids of all releases, those among them that are being built."""
        folder = self._places.releases
        return sorted(one.name for one in folder.iterdir()) if folder.exists() else []

    def all(self) -> list[Release]:
        """Returns the releases that are whole, of all apps."""
        return [release for name in self.names() if (release := self.find(name))]

    def apps(self) -> set[str]:
        """Returns the apps of which a copy of the repository is kept, or caches."""
        return self._places.apps()

    def kept(self, app: str, environment: str) -> list[Release]:
        """Returns the releases of an app's environment, newest first."""
        own = [one for one in self.all() if one.app == app and one.environment == environment]
        return sorted(own, key=lambda one: (one.made_at_us, one.id), reverse=True)

    def surplus(
        self, app: str, environment: str, *, count: int, keep: Collection[str]
    ) -> list[str]:
        """Returns all but the newest; those to keep are none of them, and are counted.

        `keep` names what serves, and what people have pinned.
        """
        kept = self.kept(app, environment)
        spare = max(0, count - sum(one.id in keep for one in kept))
        return [one.id for one in kept if one.id not in keep][spare:]

    def sweep(self, keep: Collection[str]) -> list[str]:
        """Removes all but what is to be kept, and what waits in the trash. Returns what is gone.

        What was never finished goes too, whoever wants to keep it.
        """
        shutil.rmtree(self._places.trash, onerror=_make_writable)
        gone = [name for name in self.names() if name not in keep or self.find(name) is None]
        for name in gone:
            self.remove(name)
        return gone

    def remove(self, release_id: str) -> None:
        """Removes a release: in one step as others see it. It may be gone already."""
        _throw_away(self._folder(release_id), self._places.trash)

    def forget(self, app: str, release_ids: Collection[str]) -> None:
        """Removes all that is kept of an app: its releases, copy of the repository, and caches."""
        for release_id in release_ids:
            self.remove(release_id)
        for folder in (self._places.mirror(app), self._places.caches(app)):
            _throw_away(folder, self._places.trash)

    def trim_caches(self, app: str, *, limit_bytes: int) -> bool:
        """Empties the caches of an app that have grown too large. Returns whether it did."""
        folder = self._places.caches(app)
        if folder_bytes(str(folder), limit_bytes) <= limit_bytes:
            return False
        _throw_away(folder, self._places.trash)
        return True

    def _folder(self, release_id: str) -> Path:
        return self._places.releases / release_id


def _throw_away(folder: Path, trash: Path) -> None:
    trash.mkdir(parents=True, exist_ok=True, mode=0o700)
    thrown = trash / f"{folder.name}-{secrets.token_hex(4)}"
    with suppress(FileNotFoundError):
        folder.rename(thrown)
        shutil.rmtree(thrown, onerror=_make_writable)


def _make_writable(function: Callable[..., Any], path: str, error: object) -> None:
    # Go and others write-protect what they have fetched. What still stays is swept another time.
    with suppress(OSError):
        os.chmod(os.path.dirname(path), stat.S_IRWXU)
        if not os.path.islink(path):  # It may lead to any file of ours.
            os.chmod(path, stat.S_IRWXU)
        if function in {os.scandir, os.open, os.listdir}:
            shutil.rmtree(path, ignore_errors=True)
        else:
            function(path)
