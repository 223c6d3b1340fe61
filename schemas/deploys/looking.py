"""A look at a repository before it is deployed: what is asked, and what is found there."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from msgspec import Meta, Struct

AtField = Literal["", "repo_url", "branch", "run_dir", "start_command"]


class Wanted(Struct, frozen=True, kw_only=True):
    """Where to look."""

    repo_url: str
    branch: str = ""
    """Empty: what the repository has as its own."""
    git_token: str = ""
    run_dir: str = ""


class DetectForm(Struct, frozen=True, kw_only=True):
    """A repository to look at. Of a project, what is left out is as the project has it."""

    project_id: Annotated[str, Meta(max_length=64)] = ""
    repo_url: Annotated[str, Meta(max_length=2000)] = ""
    branch: Annotated[str, Meta(max_length=255)] = ""
    git_token: Annotated[str, Meta(max_length=2000)] = ""
    run_dir: Annotated[str, Meta(max_length=500)] = ""


class Detected(Struct, frozen=True, kw_only=True):
    """How what was found would be built and started; a command that is empty is left out."""

    kind: Literal["command", "static", "dockerfile"]
    install_command: str
    build_command: str
    start_command: str
    """Empty for `static` and `dockerfile`."""
    output_folder: str
    """For `static`: the folder that is served, once it is built."""
    health_path: str
    run_dir: str
    language: str
    framework: str
    package_manager: str
    why: str
    """What was found, and what follows from it, in words."""
    branch: str
    commit_sha: str
    commit_msg: str


class NotDetected(Struct, frozen=True):
    """That nothing was found, why, and which field to change."""

    field: AtField
    text: str


Look = Callable[[str, Wanted], Awaitable[Detected | NotDetected]]
"""Looks for somebody. Raises `TooManyRequests`."""
