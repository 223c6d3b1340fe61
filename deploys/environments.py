"""What a build and an app find in their environment. Nothing of the deployer's own gets there."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

CACHES = {
    "PIP_CACHE_DIR": "pip",
    "UV_CACHE_DIR": "uv",
    "npm_config_cache": "npm",
    "YARN_CACHE_FOLDER": "yarn",
    "XDG_CACHE_HOME": "xdg",
}
"""Where package managers keep what they have fetched, below an app's folder of caches."""
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
OWN_FOLDERS = (".venv/bin", "node_modules/.bin")
"""Below a release: what its own dependencies bring comes first."""

PLAIN = frozenset(
    {
        *("SLUICE_URL", "SLUICE_PROJECT_ID", "SLUICE_DEPLOYMENT_ID"),
        *("SENTRY_ENVIRONMENT", "SENTRY_RELEASE"),
    }
)
"""What an app is told of itself is no secret: the word `production` is to stay in its log."""


def hidden_values(variables: Mapping[str, str]) -> list[str]:
    """Returns what a log has to hide of an environment."""
    return [value for name, value in variables.items() if name not in PLAIN]


def tool_path(deployer_path: str | None = None) -> str:
    """Returns where tools are looked for: as for the deployer, without its own environment's."""
    path = os.environ.get("PATH", "") if deployer_path is None else deployer_path
    own = {str(Path(sys.executable).parent), str(Path(sys.prefix) / "bin")}
    folders = [one for one in path.split(":") if one.startswith("/") and one not in own]
    return ":".join(dict.fromkeys([*folders, *SYSTEM_PATH.split(":")]))


def make_caches(caches: Path) -> None:
    """Makes the folders of an app's caches. They may be there."""
    for name in ("home", *CACHES.values()):
        (caches / name).mkdir(parents=True, exist_ok=True, mode=0o700)


def build_environment(
    given: Mapping[str, str], *, folder: Path, caches: Path, path: str
) -> dict[str, str]:
    """Returns the environment of a step of a build, with what its project has set."""
    usual = _usual(folder, path) | {
        "CI": "true",
        "HOME": str(caches / "home"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "npm_config_fund": "false",
        "npm_config_audit": "false",
        "npm_config_update_notifier": "false",
        "NEXT_TELEMETRY_DISABLED": "1",
    }
    usual |= {name: str(caches / below) for name, below in CACHES.items()}
    return usual | dict(given)


def listening_host(driver: str) -> str:
    """Returns where an app has to listen: a container is reached from outside of it."""
    return "0.0.0.0" if driver == "docker" else "127.0.0.1"  # noqa: S104


def app_environment(
    given: Mapping[str, str],
    *,
    folder: Path,
    home: Path,
    path: str,
    port: int,
    host: str,
) -> dict[str, str]:
    """Returns the environment of an app, with what its project has set.

    `PORT` and `HOST` are ours to say: where it listens; `host` is that of `listening_host`.
    """
    usual = _usual(folder, path) | {
        "HOME": str(home),
        "NODE_ENV": "production",
        # Without it Python keeps what an app prints until there is much of it.
        "PYTHONUNBUFFERED": "1",
    }
    return usual | dict(given) | {"PORT": str(port), "HOST": host}


def image_environment(given: Mapping[str, str], *, port: int) -> dict[str, str]:
    """Returns the environment of an app in an image of its own, which says the rest."""
    own = {"PORT": str(port), "HOST": listening_host("docker")}
    return {"PYTHONUNBUFFERED": "1"} | dict(given) | own


def _usual(folder: Path, path: str) -> dict[str, str]:
    own = [str(folder / name) for name in OWN_FOLDERS]
    return {
        "PATH": ":".join([*own, path]),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "PWD": str(folder),
        "VIRTUAL_ENV": str(folder / ".venv"),
    }
