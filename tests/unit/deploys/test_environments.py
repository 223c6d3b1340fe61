"""What builds and apps find in their environment."""

import sys
from pathlib import Path

from deploys.environments import app_environment, build_environment, hidden_values, tool_path

FOLDER = Path("/srv/releases/1/app")


def test_tools_of_our_own_environment_are_not_found_in_it() -> None:
    own = str(Path(sys.prefix) / "bin")

    path = tool_path(f"{own}:/opt/node/bin:/usr/bin:relative:")

    assert path.split(":")[:2] == ["/opt/node/bin", "/usr/bin"]
    assert own not in path.split(":")
    assert "relative" not in path


def test_what_a_release_brings_comes_first() -> None:
    built = build_environment({}, folder=FOLDER, caches=Path("/srv/caches/1"), path="/usr/bin")

    assert built["PATH"] == f"{FOLDER}/.venv/bin:{FOLDER}/node_modules/.bin:/usr/bin"
    assert built["PIP_CACHE_DIR"] == "/srv/caches/1/pip"


def test_a_project_may_set_all_but_the_port() -> None:
    given = {"PORT": "1", "NODE_ENV": "staging", "TOKEN": "t"}

    found = app_environment(
        given, folder=FOLDER, home=Path("/h"), path="/usr/bin", port=21000, host="127.0.0.1"
    )

    assert (found["PORT"], found["NODE_ENV"], found["TOKEN"]) == ("21000", "staging", "t")


def test_a_log_may_show_where_an_app_runs_and_no_key_of_it() -> None:
    added = {"SENTRY_ENVIRONMENT": "production", "SENTRY_RELEASE": "c0ffee", "SLUICE_API_KEY": "k"}

    assert hidden_values({**added, "PASSWORD": "p"}) == ["k", "p"]
