"""What may be said of an app, checked: forms become configurations and secrets."""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from msgspec import UNSET
from msgspec.structs import asdict, replace

from controlplane.failures import BadRequest
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.forms import AppFields
from schemas.deploys.repositories import RepositoryRefused, check_repository

CPU = re.compile(r"(\d{1,3}(\.\d{1,3})?)?", re.ASCII)
MEMORY = re.compile(r"(\d{1,7}(\.\d{1,3})?[kmg]?i?b?)?", re.ASCII | re.IGNORECASE)
DRIVERS = ("", "process", "bubblewrap", "docker")
STAYS_WHEN_EMPTY = (
    *("name", "repo_url", "branch", "port", "restart_policy", "git_token"),
    *("max_deployments", "sync_interval_secs"),
)
"""What "" or 0 says nothing of, as programs send that know no better."""


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Returns fields without those that are empty and cannot be so; limits as texts."""
    found = {
        name: value
        for name, value in fields.items()
        if value not in ("", 0) or name not in STAYS_WHEN_EMPTY
    }
    for name in ("cpu_limit", "memory_limit"):
        value = found.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool):
            found[name] = f"{value:g}" if value else ""
    return found


def changed(
    config: AppConfig, secrets: AppSecrets, form: AppFields, *, private_allowed: bool
) -> tuple[AppConfig, AppSecrets]:
    """Returns an app with what a form says of it. Raises `BadRequest`."""
    fields = {name: value for name, value in asdict(form).items() if value is not UNSET}
    fields.pop("name", None)
    git_token = fields.pop("git_token", None)
    _refuse_nul(fields)
    after = _checked(replace(config, **fields), private_allowed=private_allowed)
    if git_token is None and _host(after) != _host(config):
        git_token = ""  # A kept token goes to the server it was given for, and to no other.
    if git_token is None:
        return after, secrets
    if not (git_token.isascii() and git_token.isprintable() and " " not in git_token):
        raise BadRequest("git_token: expected a text without blanks")
    return after, replace(secrets, git_token=git_token)


def _host(config: AppConfig) -> str:
    """Returns the server of a repository, of `git@host:path` too."""
    server = urlsplit(config.repo_url).netloc or config.repo_url.partition(":")[0]
    return server.rpartition("@")[2].lower()


def _checked(config: AppConfig, *, private_allowed: bool) -> AppConfig:
    if config.repo_url:
        try:
            url = check_repository(config.repo_url, private_allowed=private_allowed)
        except RepositoryRefused as refused:
            raise BadRequest(f"repo_url: {refused}") from refused
        config = replace(config, repo_url=url)
    if not is_branch(config.branch):
        raise BadRequest("branch: expected the name of a branch, such as main")
    if not _is_within(config.run_dir):
        raise BadRequest("run_dir: expected a folder within the repository, such as apps/web")
    if config.health_path and not (
        config.health_path.startswith("/") and config.health_path.isprintable()
    ):
        raise BadRequest("health_path: expected a path that begins with /, or nothing")
    if CPU.fullmatch(config.cpu_limit) is None:
        raise BadRequest("cpu_limit: expected a number of cores, such as 0.5")
    if MEMORY.fullmatch(config.memory_limit) is None:
        raise BadRequest("memory_limit: expected such as 512m or 1g")
    if config.deploy_target not in DRIVERS:
        raise BadRequest("deploy_target: expected process, bubblewrap, docker or nothing")
    return config


def is_branch(name: str) -> bool:
    """Tells whether git would take this for a branch (git-check-ref-format), and no command."""
    if not name or name.startswith(("-", "/", ".")) or name.endswith(("/", ".", ".lock")):
        return False
    if ".." in name or "@{" in name or "//" in name or not name.isprintable():
        return False
    return not any(sign in name for sign in " ~^:?*[\\")


def _is_within(folder: str) -> bool:
    if folder.startswith(("/", "~", "-")) or "\\" in folder or not folder.isprintable():
        return False
    return ".." not in folder.split("/")


def _refuse_nul(fields: Mapping[str, Any]) -> None:
    for name, value in fields.items():
        if isinstance(value, str) and "\0" in value:
            raise BadRequest(f"{name}: expected a text without NUL")
