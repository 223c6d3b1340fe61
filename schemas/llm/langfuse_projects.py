"""The project of a key in the form of Langfuse's SDKs (Langfuse's OpenAPI document, `projects`)."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct


class LangfuseOrganization(Struct, frozen=True):
    """Sluice has none: the SDKs ask for one."""

    id: str = "sluice"
    name: str = "Sluice"


class LangfuseProject(Struct, frozen=True, kw_only=True):
    """A project as the SDKs read it."""

    id: str
    name: str
    organization: LangfuseOrganization = LangfuseOrganization()
    metadata: dict[str, Any] = {}


class LangfuseProjects(Struct, frozen=True):
    """The one project of the key."""

    data: Sequence[LangfuseProject]
