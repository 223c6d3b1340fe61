"""Where a deployer keeps what: the folders below its own. Nothing here makes or removes one."""

from pathlib import Path

from msgspec import Struct


class Places(Struct, frozen=True):
    """The folders of one deployer."""

    folder: Path

    def mirror(self, app: str) -> Path:
        """The copy of a repository that is kept between builds."""
        return self.folder / "mirrors" / f"{app}.git"

    def caches(self, app: str) -> Path:
        """What package managers keep between builds of an app."""
        return self.folder / "caches" / app

    def apps(self) -> set[str]:
        """The apps that have a copy of their repository, or caches."""
        return {
            found.name.removesuffix(".git")
            for folder in (self.mirror("any").parent, self.caches("any").parent)
            if folder.exists()
            for found in folder.iterdir()
        }

    @property
    def releases(self) -> Path:
        """A folder for each release."""
        return self.folder / "releases"

    @property
    def instances(self) -> Path:
        """A folder for each app that runs: its state, its output, its own temporary files."""
        return self.folder / "instances"

    def instance(self, name: str) -> Path:
        """Of one instance."""
        return self.instances / name

    def spool(self, name: str) -> Path:
        """What an instance prints, until somebody has read it."""
        return self.instances / name / "spool"

    @property
    def temporary(self) -> Path:
        """A folder for each command of a build, removed with it."""
        return self.folder / "tmp"

    @property
    def trash(self) -> Path:
        """What is about to be removed: a large folder takes its time."""
        return self.folder / "trash"

    @property
    def identity(self) -> Path:
        """A file with the word by which this deployer knows its processes."""
        return self.folder / "deployer-id"
