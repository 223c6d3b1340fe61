"""A public status page as people configure it, and as the control plane keeps it."""

from typing import Annotated

from msgspec import Meta, Struct

from schemas.projects import ProjectId

MAX_LOGO_BYTES = 256 * 1024
SLUG = r"^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$"
Slug = Annotated[str, Meta(pattern=SLUG)]
Named = Annotated[str, Meta(min_length=1, max_length=100)]


class PageMonitor(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A monitor of the project, under its public name."""

    monitor_id: Annotated[str, Meta(max_length=40)]
    name: Annotated[str, Meta(max_length=100)] = ""
    """Empty: the monitor's name as it is now. What it is called later stays inside."""
    component_id: Annotated[str, Meta(max_length=40)] = ""
    """How the page and its badges name it: made by us, and kept while the monitor stays."""


class PageGroup(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Monitors that stand together; a group without a name has no heading."""

    name: Annotated[str, Meta(max_length=100)] = ""
    monitors: Annotated[list[PageMonitor], Meta(max_length=100)] = []


class PageConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a page shows, and under which address."""

    title: Named
    slug: Slug
    description: Annotated[str, Meta(max_length=1000)] = ""
    home_url: Annotated[str, Meta(max_length=500)] = ""
    time_zone: Annotated[str, Meta(max_length=64)] = "UTC"
    groups: Annotated[list[PageGroup], Meta(max_length=50)] = []
    published: bool = False
    shows_response_times: bool = False


class Logo(Struct, frozen=True):
    """A picture, and what it is by its first bytes."""

    content: bytes
    media_type: str


class StatusPage(Struct, frozen=True, kw_only=True):
    """A page as the control plane has it."""

    page_id: str
    project_id: ProjectId
    config: PageConfig
    logo_mark: str
    """Another one for another logo; empty where there is none."""
    created_us: int
    updated_us: int


def logo_of(content: bytes) -> Logo | None:
    """Returns a picture of PNG, JPEG or WebP; `None` for anything else."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return Logo(content, "image/png")
    if content.startswith(b"\xff\xd8\xff"):
        return Logo(content, "image/jpeg")
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return Logo(content, "image/webp")
    return None
