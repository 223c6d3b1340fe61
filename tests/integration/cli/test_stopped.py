"""Commands on an installation whose server is stopped, or was never started."""

import sqlite3
import stat

import pytest

from sluice.lock import hold
from tests.integration.cli.conftest import KEY, Place
from tests.unit.sluice.places import listening


@pytest.mark.parametrize(
    "command",
    [
        ["project", "list"],
        ["key", "create"],
        ["user", "list"],
        ["dead", "list"],
        ["dead", "replay", "raw.traces:0:0:0"],
    ],
)
def test_a_place_without_installation_is_refused_in_one_line_and_left_as_it_is(
    place: Place, command: list[str]
) -> None:
    ran = place.run(*command)

    assert ran.code == 1
    assert ran.err.startswith("sluice: ")
    assert ran.err.count("\n") == 1
    assert not place.data_dir.exists()


@pytest.mark.parametrize(
    ("settings", "names"),
    [
        ({"SLUICE_PORT": "http"}, "SLUICE_PORT"),
        ({"SLUICE_POTR": "80"}, "SLUICE_POTR"),
        ({"SLUICE_SECRET": "short"}, "SLUICE_SECRET"),
        ({"SLUICE_INIT_API_KEY": "foo"}, "SLUICE_INIT_API_KEY: expected pulse_sk_"),
    ],
)
def test_a_wrong_setting_is_one_line_that_names_it_with_exit_code_2(
    place: Place, settings: dict[str, str], names: str
) -> None:
    ran = place.run("migrate", **settings)

    assert ran.code == 2
    assert ran.err.startswith("sluice: ")
    assert names in ran.err
    assert ran.err.count("\n") == 1


def test_a_setting_that_up_would_not_follow_ends_the_start(place: Place) -> None:
    ran = place.run("up", SLUICE_KAFKA_URL="kafka://127.0.0.1:9092")

    assert ran.code == 2
    assert ran.err.splitlines()[-1].startswith("sluice: SLUICE_KAFKA_URL: ")
    assert "leave the variable out" in ran.err


@pytest.mark.parametrize("name", ["SLUICE_DATABASE_URL", "SLUICE_WAREHOUSE_URL"])
@pytest.mark.parametrize("command", ["up", "migrate", "doctor"])
def test_an_address_of_an_unknown_engine_is_one_line_without_its_password(
    place: Place, command: str, name: str
) -> None:
    ran = place.run(command, **{name: "mysql://ann:hunter2@db/x"})

    assert ran.code == 2
    assert ran.err.startswith(f"sluice: {name}: expected ")
    assert "hunter2" not in ran.err
    assert ran.err.count("\n") == 1
    assert not place.data_dir.exists()


def test_port_0_is_refused_and_not_taken_for_none(place: Place) -> None:
    ran = place.run("up", "--port", "0")

    assert ran.code == 2
    assert "--port" in ran.err
    assert not place.data_dir.exists()


@pytest.mark.slow
def test_a_lost_secret_is_named_and_not_replaced_while_there_are_keys_that_it_sealed(
    installation: Place,
) -> None:
    secret = installation.data_dir / "secret.key"
    secret.unlink()

    doctor = installation.run("doctor")
    others = [installation.run(command) for command in ("up", "migrate")]

    assert doctor.code == 1
    assert "fix: restore secret.key from a backup" in doctor.out
    for ran in others:
        assert ran.code == 2
        assert "restore it from a backup" in ran.err
        assert ran.err.count("\n") == 1
    assert not secret.exists()


@pytest.mark.slow
def test_a_secret_that_is_not_the_installation_s_is_one_line(installation: Place) -> None:
    another = "another secret, long enough for one"

    for command in (("up",), ("migrate",), ("key", "list")):
        ran = installation.run(*command, SLUICE_SECRET=another)

        assert ran.code == 2
        assert "SLUICE_SECRET is not the secret that sealed this control plane" in ran.err
        assert ran.err.count("\n") == 1


def test_a_port_in_use_is_one_line(place: Place) -> None:
    with listening(place.port):
        ran = place.run("up")

    assert ran.code == 1
    assert f"cannot listen on 127.0.0.1, port {place.port}" in ran.err
    assert ran.err.count("\n") == 1


def test_a_data_directory_in_use_is_one_line(installation: Place) -> None:
    with hold(installation.data_dir / "lock"):
        ran = installation.run("up")

    assert ran.code == 2
    assert "is in use by process" in ran.err
    assert ran.err.count("\n") == 1


def test_a_damaged_log_is_one_line_and_is_left_for_the_server_to_set_aside(place: Place) -> None:
    place.data_dir.mkdir()
    damaged = b"no database " * 1000
    (place.data_dir / "log.db").write_bytes(damaged)

    ran = place.run("dead", "list")

    assert ran.code == 1
    assert "cannot be read" in ran.err
    assert ran.err.count("\n") == 1
    assert (place.data_dir / "log.db").read_bytes() == damaged


def test_doctor_names_a_file_that_was_set_aside_and_says_what_to_do(installation: Place) -> None:
    aside = installation.data_dir / "log.db.damaged-20261128T120000.000000Z"
    aside.write_bytes(b"no database")

    ran = installation.run("doctor")

    assert f"{aside} was damaged and set aside" in ran.out
    assert "docs/operations.md" in ran.out
    assert aside.exists()


def test_a_damaged_control_plane_is_one_line(installation: Place) -> None:
    (installation.data_dir / "control.db").write_bytes(b"no database " * 1000)

    ran = installation.run("project", "list")

    assert ran.code == 1
    assert "file is not a database" in ran.err
    assert ran.err.count("\n") == 1


def test_an_unknown_command_is_refused_with_exit_code_2(place: Place) -> None:
    assert place.run("upp").code == 2


def test_every_command_explains_itself(place: Place) -> None:
    for command in ("up", "migrate", "project", "key", "user", "dead", "doctor", "demo"):
        ran = place.run(command, "--help")

        assert ran.code == 0
        assert "Usage: sluice" in ran.out


@pytest.mark.slow
def test_migrate_makes_an_installation_and_may_be_repeated(place: Place) -> None:
    first = place.run("migrate")
    second = place.run("migrate")

    assert (first.code, second.code) == (0, 0)
    assert "store: applied 0001_traces.sql" in first.out
    assert "store: up to date" in second.out
    assert stat.S_IMODE((place.data_dir / "secret.key").stat().st_mode) == 0o600


def test_migrate_leaves_the_store_to_whoever_holds_it(installation: Place) -> None:
    with hold(installation.data_dir / "lock"):
        ran = installation.run("migrate")

    assert ran.code == 0
    assert "store: held by the running server" in ran.out


def test_doctor_finds_nothing_wrong_with_a_fresh_installation(installation: Place) -> None:
    ran = installation.run("doctor")

    assert ran.code == 0
    assert "FAIL" not in ran.out
    assert "opens" in ran.out
    assert "API keys: 1" in ran.out


def test_doctor_names_what_is_wrong_how_to_fix_it_and_exits_with_1(installation: Place) -> None:
    secret = installation.data_dir / "secret.key"
    secret.chmod(0o644)

    with listening(installation.port):
        ran = installation.run("doctor")

    assert ran.code == 1
    assert f"fix: chmod 600 {secret}" in ran.out
    assert "SLUICE_PORT" in ran.out


def test_doctor_makes_nothing_where_nothing_is(place: Place) -> None:
    ran = place.run("doctor")

    assert ran.code == 0
    assert not place.data_dir.exists()


def test_demo_without_a_server_is_one_line(installation: Place) -> None:
    ran = installation.run("demo", SLUICE_INIT_API_KEY=KEY)

    assert ran.code == 1
    assert "start sluice up, or name the server's address with --url" in ran.err
    assert ran.err.count("\n") == 1


@pytest.mark.slow
class TestProjects:
    def test_one_that_does_not_exist_is_refused(self, installation: Place) -> None:
        ran = installation.run("project", "set", "nothing", "--cost", "computed")

        assert ran.code == 1
        assert "there is no project 'nothing'" in ran.err

    def test_a_wrong_cost_preference_is_refused(self, installation: Place) -> None:
        ran = installation.run("project", "set", "Default", "--cost", "cheap")

        assert ran.code == 1
        assert "'reported' or 'computed'" in ran.err

    def test_a_project_can_be_made_configured_listed_and_deleted(self, installation: Place) -> None:
        made = installation.run("project", "create", "Shop")
        installation.run("project", "set", "Shop", "--cost", "computed", "--retention-days", "7")
        zoned = installation.run("project", "set", "Shop", "--time-zone", "Asia/Kolkata")
        listed = {line[1]: line[2:5] for line in installation.run("project", "list").lines}
        reset = installation.run("project", "set", "Shop", "--retention-days", "0")
        deleted = installation.run("project", "delete", "Shop", "--yes")

        assert made.out.startswith("project: ")
        assert "API key: pulse_sk_" in made.out
        assert listed == {
            "Default": ["reported", "UTC", "default"],
            "Shop": ["computed", "Asia/Kolkata", "7"],
        }
        assert "time zone Asia/Kolkata" in zoned.out
        assert "retention days default" in reset.out
        assert deleted.code == 0
        assert [line[1] for line in installation.run("project", "list").lines] == ["Default"]

    def test_deleting_asks_first(self, installation: Place) -> None:
        ran = installation.run("project", "delete", "Default", given="n\n")

        assert ran.code == 1
        assert len(installation.run("project", "list").lines) == 1


@pytest.mark.slow
class TestKeys:
    def test_those_that_the_secret_does_not_open_are_told_of_beside_the_list(
        self, installation: Place
    ) -> None:
        given_up = sqlite3.connect(installation.data_dir / "control.db")
        given_up.execute("UPDATE secret_check SET sealed = NULL")
        given_up.commit()
        given_up.close()

        ran = installation.run("key", "list", SLUICE_SECRET="another secret, long enough for one")

        assert (ran.code, ran.out) == (0, "")
        assert "api key sealed with another secret" in ran.err

    def test_a_key_can_be_made_listed_shown_and_revoked(self, installation: Place) -> None:
        plain = installation.run("key", "create", "CI").out.strip()
        ids = {line[1]: line[0] for line in installation.run("key", "list").lines}
        listing = installation.run("key", "list").out
        shown = installation.run("key", "show", ids["CI"]).out.strip()
        assert installation.run("key", "reveal", ids["CI"]).out.strip() == shown  # its older name
        installation.run("key", "revoke", ids["CI"])

        assert plain.startswith("pulse_sk_")
        assert shown == plain
        assert plain not in listing
        assert [line[1] for line in installation.run("key", "list").lines] == ["Default Key"]


@pytest.mark.slow
class TestPeople:
    def test_a_short_password_is_refused(self, installation: Place) -> None:
        ran = installation.run("user", "add", "a@b.c", "--password-stdin", given="short\n")

        assert ran.code == 1
        assert "Password too short" in ran.err

    def test_an_unknown_email_is_refused(self, installation: Place) -> None:
        ran = installation.run("user", "password", "a@b.c", "--password-stdin", given="x" * 9)

        assert ran.code == 1
        assert "nobody has the email a@b.c" in ran.err

    def test_the_last_admin_cannot_be_removed(self, installation: Place) -> None:
        given = "correct horse\n"
        installation.run("user", "add", "a@b.c", "--admin", "--password-stdin", given=given)

        ran = installation.run("user", "remove", "a@b.c")

        assert ran.code == 1
        assert "last admin" in ran.err

    def test_people_can_be_added_listed_and_removed(self, installation: Place) -> None:
        given = "correct horse\n"
        add = ("user", "add", "--password-stdin")
        installation.run(*add, "a@b.c", "--name", "Ann", "--admin", given=given)
        installation.run(*add, "d@e.f", given=given)
        listed = {line[1]: line[2:4] for line in installation.run("user", "list").lines}
        removed = installation.run("user", "remove", "d@e.f")

        assert listed == {"a@b.c": ["Ann", "Default (admin)"], "d@e.f": ["d", "Default (user)"]}
        assert removed.code == 0
        assert installation.run("user", "list").lines[1][3] == "-"
