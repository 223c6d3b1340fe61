"""What a folder holds, and so how it is installed, built and started.

It reads files and starts nothing. What a person has set wins over what is found. The languages are
in `deploys.detection`, a file for each.
"""

from pathlib import Path
from typing import Literal

from msgspec import Struct, structs

from deploys.detection.files import Files
from deploys.detection.found import Found
from deploys.detection.node import find_node
from deploys.detection.python import find_python
from deploys.detection.sites import find_site
from deploys.failures import NoSuchFolder, NothingDetected

HINTS = {
    "go.mod": "Go: for example build_command `go build -o app .` and start_command `./app`",
    "Cargo.toml": "Rust: for example build_command `cargo build --release`",
    "Gemfile": "Ruby: for example install_command `bundle install`",
    "composer.json": "PHP: for example start_command `php -S 127.0.0.1:$PORT -t public`",
    "pom.xml": "Java: for example build_command `mvn -q package`",
    "build.gradle": "Java: for example build_command `./gradlew build`",
    "mix.exs": "Elixir: for example build_command `mix release`",
}
"""What is recognised, and left to its owner."""
UNKNOWN = (
    "Nothing here says how to start it. Add a Procfile with a line `web: …`, or set start_command "
    "(and install_command, build_command where they are needed)"
)


class Given(Struct, frozen=True, kw_only=True):
    """What a project's people have set; empty text is not set."""

    install: str = ""
    build: str = ""
    start: str = ""


class Plan(Struct, frozen=True, kw_only=True):
    """How a folder is installed, built and started; a command that is empty is left out."""

    kind: Literal["command", "static", "dockerfile"]
    install: str
    build: str
    start: str
    """Empty for `static` and `dockerfile`."""
    site: str = ""
    """For `static`: the folder that is served, once it is built."""
    language: str = ""
    framework: str = ""
    package_manager: str = ""
    why: str
    """For people: what was found, and what follows from it."""


def subfolder(folder: Path, run_dir: str) -> Path:
    """Returns the folder within a checkout that a project has named.

    Raises `NoSuchFolder` where it is none, or leads out of the checkout.
    """
    root = folder.resolve()
    found = (root / run_dir.strip().lstrip("/")).resolve()
    if not found.is_relative_to(root) or not found.is_dir():
        raise NoSuchFolder(f"run_dir {run_dir[:200]!r} is no folder of the repository")
    return found


def detect(folder: Path, given: Given, *, has_docker: bool = False) -> Plan:
    """Returns how to run what is in a folder. Raises `NothingDetected`, saying what to set."""
    files = Files(folder)
    if has_docker and files.has("Dockerfile") and not given.start:
        return _dockerfile()
    procfile = _procfile(files)
    found = _found(files)
    if found is None:
        found = _bare(files, given.start or procfile)
    if procfile and not given.start:
        found = structs.replace(
            found, start=procfile, site="", why=f"{found.why}; the Procfile says how to start it"
        )
    return _plan(found, given)


def _found(files: Files) -> Found | None:
    """Returns what the languages find; who knows how to start it comes before who does not."""
    found = [one for find in (find_python, find_node, find_site) if (one := find(files))]
    startable = [one for one in found if one.start or one.site]
    return next(iter(startable or found), None)


def _bare(files: Files, start: str) -> Found:
    if start:
        return Found(language="", why="No language was recognised")
    for name, hint in HINTS.items():
        if files.has(name):
            raise NothingDetected(f"{name} says that this is {hint}; set the commands")
    if files.has("Dockerfile"):
        raise NothingDetected(
            "A Dockerfile is built by the driver docker alone (SLUICE_DEPLOY_DRIVER=docker); "
            "or set start_command"
        )
    raise NothingDetected(UNKNOWN)


def _plan(found: Found, given: Given) -> Plan:
    start = given.start or found.start
    if not start and not found.site:
        raise NothingDetected(f"{found.why}, but not how to start it: set start_command")
    named = [name for name in ("install", "build", "start") if getattr(given, name)]
    told = f"; set by hand: {', '.join(named)}" if named else ""
    is_site = bool(found.site) and not given.start
    return Plan(
        kind="static" if is_site else "command",
        install=given.install or found.install,
        build=given.build or found.build,
        start="" if is_site else start,
        site=found.site if is_site else "",
        language=found.language,
        framework=found.framework,
        package_manager=found.package_manager,
        why=f"{found.why}{told}.",
    )


def _dockerfile() -> Plan:
    return Plan(
        kind="dockerfile",
        install="",
        build="",
        start="",
        language="docker",
        why="A Dockerfile says how it is built and started.",
    )


def _procfile(files: Files) -> str:
    for line in files.text("Procfile").splitlines():
        name, colon, command = line.partition(":")
        if colon and name.strip() == "web":
            return command.strip()
    return ""
