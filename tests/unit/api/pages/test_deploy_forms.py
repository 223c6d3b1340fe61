"""What the forms of an app mean: its settings, its variables, and the charts of its impact."""

import pytest

from api.pages.deploys.courses import percentile_ms
from api.pages.deploys.environment import read_file
from api.pages.deploys.fields import FIELDS
from api.pages.deploys.forms import again, meant, problem_in, texts_of
from controlplane.failures import BadRequest
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.measured import BUCKET

KNOWN = AppConfig(repo_url="https://git.example/shop", build_command="make", previews=True)
HOOKS = ("https://hooks.example/first-secret", "mailto:ann@example.com")
SEALED = AppSecrets(git_token="ghp_secret", notifications=HOOKS)


def sent(**fields: str) -> dict[str, list[str]]:
    """Returns a form as a browser sends it that shows an app: boxes without a tick are absent."""
    texts = {name: text for name, text in texts_of(KNOWN, SEALED).items() if text}
    checks = {field.name for field in FIELDS if field.kind == "check"}
    empty = {field.name: "" for field in FIELDS if field.name not in checks}
    return {name: [text] for name, text in {**empty, **texts, **fields}.items()}


def read(typed: dict[str, list[str]]) -> tuple[AppConfig, AppSecrets]:
    return meant(KNOWN, SEALED, typed, among=FIELDS, private_allowed=False)


def test_a_form_that_is_sent_as_it_is_shown_changes_nothing() -> None:
    assert read(sent()) == (KNOWN, SEALED)


def test_no_secret_is_in_what_a_form_shows() -> None:
    shown = " ".join(texts_of(KNOWN, SEALED).values())

    assert "secret" not in shown
    assert again(texts_of(KNOWN, SEALED), {"git_token": ["typed"]})["git_token"] == ""


def test_a_box_without_a_tick_and_an_empty_command_say_so() -> None:
    typed = sent(build_command="")
    del typed["previews"]

    config, _ = read(typed)

    assert (config.previews, config.build_command) == (False, "")


def test_a_token_is_replaced_kept_and_forgotten() -> None:
    assert read(sent(git_token="new"))[1].git_token == "new"
    assert read(sent(git_token=""))[1].git_token == "ghp_secret"
    assert read(sent(forget_token="1"))[1].git_token == ""


def test_what_stays_of_notifications_is_named_by_its_place() -> None:
    lines = texts_of(KNOWN, SEALED)["notifications"].splitlines()

    _, secrets = read(sent(notifications="\r\n".join(["channel:ops", lines[0]])))

    assert secrets.notifications == ("channel:ops", HOOKS[0])


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ({"branch": "two words"}, "branch"),
        ({"run_dir": "../up"}, "run_dir"),
        ({"port": "many"}, "port"),
        ({"port": "70000"}, "port"),
        ({"memory_limit": "much"}, "memory_limit"),
        ({"repo_url": "http://127.0.0.1/x"}, "repo_url"),
        ({"restart_policy": "perhaps"}, "restart_policy"),
    ],
)
def test_what_is_wrong_is_said_at_its_field(fields: dict[str, str], name: str) -> None:
    typed = sent(**fields)

    with pytest.raises(BadRequest) as raised:
        read(typed)

    assert problem_in(raised.value, typed).field == name


def test_the_file_of_an_environment_is_read_as_people_write_it() -> None:
    text = "# of the shop\r\nA=1\nexport B='two words' # why\n\nC=\"a\\nb\"\nD=${A}\n"

    assert read_file(text) == {"A": "1", "B": "two words", "C": "a\nb", "D": "${A}"}


@pytest.mark.parametrize(
    ("text", "told"), [("A=1\n??\n", "line 2"), ("A=\n", "line 1"), ("", "KEY=value")]
)
def test_a_line_that_is_no_variable_is_named_without_its_text(text: str, told: str) -> None:
    with pytest.raises(BadRequest, match=told):
        read_file(text)


def test_a_percentile_is_within_the_bucket_that_has_it() -> None:
    bucket = 90
    durations = {10: 94, bucket: 5, 200: 1}

    found = percentile_ms(durations, 0.95)

    assert found is not None
    assert BUCKET**bucket <= found * 1e6 < BUCKET ** (bucket + 1)
    assert percentile_ms({}, 0.95) is None
