"""Who is let in, and where a request says who it is."""

import os
import pty

import httpx
import pytest

from tests.components import forks
from tests.integration.warehouse.conftest import READER, WRITER, Served
from tests.unit.sluice.places import free_port

HEADERS = {"X-ClickHouse-User": READER[0], "X-ClickHouse-Key": READER[1]}
FIELDS = {"user": READER[0], "password": READER[1]}


def send(served: Served, **options: object) -> httpx.Response:
    options.setdefault("content", "SELECT 1")
    return httpx.post(served.url, timeout=30, trust_env=False, verify=False, **options)  # type: ignore[arg-type]


def test_without_a_user_a_name_is_asked_for(served: Served) -> None:
    answer = send(served)

    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (401, "194")
    assert answer.headers["WWW-Authenticate"].startswith("Basic")


@pytest.mark.parametrize(
    "auth",
    [
        (READER[0], "wrong"),
        (READER[0], ""),
        (READER[0], WRITER[1]),
        ("nobody", READER[1]),
        ("", ""),
        ("default", ""),
    ],
)
def test_wrong_names_and_passwords_are_refused_alike(served: Served, auth: tuple[str, str]) -> None:
    answer = send(served, auth=auth)

    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")
    assert answer.text == (
        f"Code: 516. DB::Exception: {auth[0]}: Authentication failed: password is incorrect,"
        " or there is no user with such name. (AUTHENTICATION_FAILED)\n"
    )


@pytest.mark.parametrize("header", ["Bearer abc", "Basic", "Basic !", "Basic bm9jb2xvbg=="])
def test_a_header_that_cannot_be_read_is_refused(served: Served, header: str) -> None:
    assert send(served, headers={"Authorization": header}).status_code == 403


@pytest.mark.parametrize(
    "options",
    [{"auth": READER}, {"headers": HEADERS}, {"params": FIELDS}],
    ids=["basic", "headers", "fields"],
)
def test_every_place_that_clickhouse_knows_is_taken(
    served: Served, options: dict[str, object]
) -> None:
    assert send(served, **options).text == "1\n"


def test_two_places_at_once_are_refused(served: Served) -> None:
    assert send(served, auth=READER, params=FIELDS).status_code == 403


def test_a_password_is_never_logged(served: Served) -> None:
    send(served, params={"user": READER[0], "password": "wrong-but-secret"})

    log = served.log.read_text()
    assert not any(word in log for word in (READER[1], WRITER[1], "wrong-but-secret"))


def test_without_users_one_is_made_with_a_random_password_that_a_terminal_shows(
    alone: Served,
) -> None:
    alone._settings["SLUICE_WAREHOUSE_USERS"] = ""
    ours, terminal = pty.openpty()
    alone.start(stdout=terminal)
    os.close(terminal)

    with open(ours, encoding="utf-8") as lines:
        shown = next(line for line in lines if line.startswith("Password"))
    password = shown.strip().rpartition(" ")[2]

    assert len(password) >= 32
    assert password not in alone.log.read_text()
    assert alone.value("DELETE FROM traces WHERE 0", user=("sluice", password)) == ""
    assert alone.ask("SELECT 1", user=("sluice", "")).status_code == 403


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"SLUICE_WAREHOUSE_USERS": "", "SLUICE_WAREHOUSE_HOST": "0.0.0.0"}, "WAREHOUSE_USERS"),
        ({"SLUICE_WAREHOUSE_USERS": ""}, "a random password is shown on a terminal only"),
        ({"SLUICE_WAREHOUSE_USERS": "a:short:write"}, "fewer than 8"),
        ({"SLUICE_WAREHOUSE_USERS": "a:long-enough:admin"}, "NAME:PASSWORD:RIGHTS"),
        ({"SLUICE_WAREHOUSE_URL": "http://other:8123"}, "names a server"),
    ],
)
def test_a_wrong_setting_ends_the_start(alone: Served, settings: dict[str, str], said: str) -> None:
    environ = alone.environ() | {"SLUICE_WAREHOUSE_PORT": str(free_port())} | settings

    done = forks.run(["warehouse"], env=environ)

    assert done.returncode == 2
    assert said in done.stderr
    assert "long-enough" not in done.stderr
