"""The fields of an app's form, one entry each. Pure."""

from typing import Literal, NamedTuple

Kind = Literal["text", "number", "check", "choice", "lines", "secret"]
Group = Literal["source", "build", "run", "when", "told"]
POLICIES = (
    ("unless-stopped", "always, until it is stopped"),
    ("always", "always"),
    ("on-failure", "when it fails"),
    ("no", "never"),
)
DRIVERS = (
    ("", "the deployer's own"),
    ("process", "a process"),
    ("bubblewrap", "a process in a sandbox (bubblewrap)"),
    ("docker", "a container (Docker)"),
)


class Field(NamedTuple):
    """One field; its name is that of the configuration."""

    name: str
    label: str
    kind: Kind
    group: Group
    help: str = ""
    options: tuple[tuple[str, str], ...] = ()
    is_required: bool = False


FIELDS: tuple[Field, ...] = (
    Field(
        *("repo_url", "Repository", "text", "source"),
        "https://github.com/ann/shop, or git@host:ann/shop.git.",
        is_required=True,
    ),
    Field("branch", "Branch", "text", "source", "What is deployed when nothing else is said."),
    Field(
        *("git_token", "Token", "secret", "source"),
        "Of a private repository. It is sealed and never shown; empty keeps the one there is.",
    ),
    Field(
        *("run_dir", "Folder", "text", "source"),
        "Within the repository, as apps/web. Empty is all of it.",
    ),
    Field("install_command", "Install", "text", "build", "Empty: what is found."),
    Field("build_command", "Build", "text", "build", "Empty: what is found."),
    Field(
        *("test_command", "Test", "text", "build"),
        "Runs after the build; if it fails, the deployment does.",
    ),
    Field("build_network", "Builds may use the network", "check", "build"),
    Field(
        *("start_command", "Start", "text", "run"),
        "Empty: what is found. The port to listen on is in PORT.",
    ),
    Field(
        *("health_path", "Health path", "text", "run"),
        "Answers 2xx or 3xx when the app is ready. Empty: a connection is enough.",
    ),
    Field("port", "Port of a container", "number", "run", "A process is told its port by PORT."),
    Field("restart_policy", "Start it again", "choice", "run", "", POLICIES),
    Field("cpu_limit", "CPU limit", "text", "run", "In cores, as 0.5. Empty: none."),
    Field("memory_limit", "Memory limit", "text", "run", "As 512m or 1g. Empty: none."),
    Field("deploy_target", "Runs as", "choice", "run", "", DRIVERS),
    Field(
        *("inject", "The app finds Sluice in its environment", "check", "run"),
        "SENTRY_DSN, SLUICE_URL and the keys of this project.",
    ),
    Field("monitor", "Its address has a monitor", "check", "run"),
    Field(
        *("auto_sync_enabled", "Look for new commits", "check", "when"),
        "Where no webhook tells of them.",
    ),
    Field("sync_interval_secs", "So often, in seconds", "number", "when", "10 to 86400."),
    Field(
        *("previews", "Previews", "check", "when"),
        "Each other branch gets an address of its own, shared with its pull request.",
    ),
    Field(
        *("auto_rollback", "Go back by itself", "check", "when"),
        "When the impact of a new release is bad, the one before is started again.",
    ),
    Field("max_deployments", "Releases to keep", "number", "when", "1 to 100."),
    Field("notify_on_failure", "Tell of failures", "check", "told"),
    Field("notify_on_success", "Tell of successes", "check", "told"),
    Field(
        *("notifications", "Who is told", "lines", "told"),
        "One a line: mailto:ann@example.com, slack://…, https://… for a webhook, channel:NAME."
        " They are sealed: slack://…#1 stands for the first one, which stays as it is.",
    ),
)
GROUPS: tuple[tuple[Group, str], ...] = (
    ("source", "Where the code is"),
    ("build", "How it is built"),
    ("run", "How it runs"),
    ("when", "When it is deployed"),
    ("told", "Who is told"),
)
FIRST = ("repo_url", "branch", "git_token")
"""What the first form asks."""
COMMANDS = ("run_dir", "install_command", "build_command", "start_command", "health_path")
"""What it offers to change, where something else is found than should be."""

FOUND = ("install_command", "build_command", "start_command")
"""Those that a look at a repository fills in; left as they are, they are found anew each time."""


def fields_named(*names: str) -> list[Field]:
    """Returns some fields, in the order of the names."""
    known = {field.name: field for field in FIELDS}
    return [known[name] for name in names]
