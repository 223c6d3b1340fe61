"""What projects set for their errors, as each process knows it now."""

from collections.abc import Mapping

from controlplane.database import Database
from controlplane.errors.settings import list_setting_revisions, read_many_settings
from schemas.errors.settings import DEFAULT_SETTINGS, ProjectErrorsSettings
from schemas.projects import ProjectId


class KnownSettings:
    """The settings at one moment: a block is read by what counted when it was begun."""

    def __init__(self, by_project: Mapping[ProjectId, ProjectErrorsSettings]) -> None:
        self.by_project = by_project

    def of(self, project_id: ProjectId) -> ProjectErrorsSettings:
        """Returns what counts in a project."""
        return self.by_project.get(project_id, DEFAULT_SETTINGS)


class ErrorsSettings:
    """The settings of one process. While the control plane is away, the last ones go on counting.

    Nothing is masked before they were read: the first block waits for `refresh`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known = KnownSettings({})
        self._revisions: dict[ProjectId, int] = {}

    def current(self) -> KnownSettings:
        """Returns the settings as they were read last."""
        return self._known

    def of(self, project_id: ProjectId) -> ProjectErrorsSettings:
        """Returns what counts in a project now."""
        return self._known.of(project_id)

    async def refresh(self) -> None:
        """Reads what has changed. Raises `ControlPlaneError`."""
        revisions = await list_setting_revisions(self._database)
        if revisions == self._revisions:
            return
        stale = [one for one, revision in revisions.items() if self._revisions.get(one) != revision]
        found = await read_many_settings(self._database, stale)
        held = {one: it for one, it in self._known.by_project.items() if one in revisions}
        self._known = KnownSettings(held | {one: it for one, (_, it) in found.items()})
        self._revisions = {one: read for one, read in self._revisions.items() if one in revisions}
        self._revisions |= {one: revision for one, (revision, _) in found.items()}
