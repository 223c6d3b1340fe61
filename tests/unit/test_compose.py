"""The distributed mode as files: compose, image, secrets, the edge's place, checkpoints.

No Docker is needed.
"""

import hashlib
import os
import re
import shutil
import sqlite3
import stat
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import typer.main
import yaml

from controlplane.database import Database
from controlplane.progress import PartitionProgress
from eventlog.kafka_offsets import HOW_TO_FIX
from schemas.checkpoints import Intent, Progress
from schemas.settings import PREFIX, SECRETS, Settings
from schemas.settings_reading import load
from sluice.cli import app as cli
from sluice.cluster import kafka_of, server_paths
from sluice.paths import paths_of
from tests.components import kafka
from tests.unit.test_house_rules import PACKAGES

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "edge", "worker", "api", "prober")
ONCE = "migrate"
EXAMPLE = ROOT / "deploy" / ".env.example"
BY_SERVICE = pytest.mark.parametrize("name", SERVICES)
VARIABLE = re.compile(r"\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}")


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def environment(name: str, given: Mapping[str, str]) -> dict[str, str]:
    """What a container of the service finds, with `given` in place of `.env`."""
    return {
        key: VARIABLE.sub(lambda match: given.get(match[1], match[2] or ""), str(value))
        for key, value in SERVICES[name].get("environment", {}).items()
    }


def listed(name: str, key: str) -> list[str]:
    found: list[str] = SERVICES[name].get(key, [])
    return found


def example() -> dict[str, str]:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


class TestServices:
    @BY_SERVICE
    def test_runs_an_image_of_one_version(self, name: str) -> None:
        tag = SERVICES[name]["image"].partition(":")[2]

        assert re.fullmatch(r"\d+(\.\d+)+", tag)

    @BY_SERVICE
    def test_is_bounded_in_memory_processors_and_log(self, name: str) -> None:
        service = SERVICES[name]
        limits = service["deploy"]["resources"]["limits"]

        assert limits["memory"]
        assert limits["cpus"]
        assert service["logging"]["driver"] == "json-file"
        assert set(service["logging"]["options"]) == {"max-size", "max-file"}

    @BY_SERVICE
    def test_says_whether_it_works_and_comes_back_after_a_crash(self, name: str) -> None:
        service = SERVICES[name]

        assert service["restart"] == ("no" if name == ONCE else "unless-stopped")
        assert ("test" in service["healthcheck"]) == (name != ONCE)

    @BY_SERVICE
    def test_is_reached_from_outside_only_where_the_operator_says_so(self, name: str) -> None:
        own = "127.0.0.1:" if name == "grafana" else "${LISTEN_ADDRESS:-127.0.0.1}:"

        assert all(port.startswith(own) for port in listed(name, "ports"))
        assert bool(listed(name, "ports")) == (name in {"proxy", "grafana"})

    @BY_SERVICE
    def test_has_no_password_in_its_environment(self, name: str) -> None:
        named = [
            key
            for key in SERVICES[name].get("environment", {})
            if re.search(r"PASSWORD|SECRET|_URL$", key) and not key.endswith("_FILE")
        ]

        assert named in ([], ["SLUICE_KAFKA_URL"])

    @BY_SERVICE
    def test_keeps_its_data_in_declared_volumes_and_mounts_files_that_exist(
        self, name: str
    ) -> None:
        for volume in listed(name, "volumes"):
            source = volume.split(":")[0]
            assert (ROOT / source).exists() if "/" in source else source in COMPOSE["volumes"]

    @pytest.mark.parametrize("name", OURS)
    def test_ours_is_a_command_that_waits_for_the_tables(self, name: str) -> None:
        commands = typer.main.get_command(cli).commands  # type: ignore[attr-defined]
        service = SERVICES[name]
        waited = {key: value["condition"] for key, value in service["depends_on"].items()}

        assert name in commands
        assert service.get("command") == (None if name == "edge" else [name])
        if name == ONCE:
            assert waited == dict.fromkeys(("kafka", "clickhouse", "postgres"), "service_healthy")
        else:
            assert waited == {ONCE: "service_completed_successfully"}

    @pytest.mark.parametrize("name", OURS)
    def test_ours_has_no_rights_and_writes_nowhere_but_in_its_own_folders(self, name: str) -> None:
        service = SERVICES[name]
        written = {place.split(":")[0] for place in listed(name, "tmpfs")}
        written |= {volume.split(":")[1] for volume in listed(name, "volumes")}

        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert service["read_only"] is True
        # Processes and threads. Beside `pids_limit`, Compose rejects the limits of `deploy`.
        assert service["deploy"]["resources"]["limits"]["pids"] == 1024
        assert "pids_limit" not in service
        assert written == {"/tmp", "/var/lib/sluice"}
        assert all("size=" in place for place in listed(name, "tmpfs"))

    @pytest.mark.parametrize(
        ("name", "needed"),
        [
            ("migrate", {"secret", "database_url", "warehouse_url"}),
            ("edge", {"secret", "database_url", "warehouse_read_url"}),
            ("worker", {"database_url", "warehouse_url"}),
            ("api", {"secret", "database_url", "warehouse_read_url"}),
            ("prober", {"secret", "database_url"}),
            ("proxy", set()),
        ],
    )
    def test_a_process_has_the_secrets_that_it_needs_and_no_other(
        self, name: str, needed: set[str]
    ) -> None:
        read = {
            Path(value).name
            for key, value in environment(name, {}).items()
            if key.endswith("_FILE")
        }

        assert set(listed(name, "secrets")) == needed
        assert read == needed

    def test_the_engines_are_those_that_the_suites_run_on(self) -> None:
        containers = text("tests/components/containers.py")
        broker = ElementTree.parse(kafka.POM).findtext(".//{*}kafka.version")

        assert SERVICES["kafka"]["image"] == f"apache/kafka:{broker}"
        for name in ("clickhouse", "postgres"):
            tested = re.search(rf'"((?:clickhouse/)?{name}\S*:[\d.]+)"', containers)
            assert tested
            assert SERVICES[name]["image"].startswith(tested[1])

    def test_a_stop_leaves_time_to_store_what_is_in_hand(self) -> None:
        for name in OURS:
            grace_s = int(SERVICES[name]["stop_grace_period"].rstrip("s"))
            assert grace_s >= Settings().stop_timeout_s + 5


class TestSettings:
    def test_every_variable_of_ours_is_a_setting(self) -> None:
        known = {f"{PREFIX}{name.upper()}" for name in Settings.__struct_fields__}
        known |= {f"{PREFIX}{name.upper()}_FILE" for name in SECRETS}
        files = [ROOT / "docker-compose.yml", ROOT / "Dockerfile", *(ROOT / "deploy").rglob("*")]

        for file in files:
            if file.is_file() and "secrets" not in file.parts:
                named = set(re.findall(r"\bSLUICE_[A-Z_]*[A-Z]\b", file.read_text()))
                # In a comment: what any line of that file looks like.
                assert named - known - {"SLUICE_NAME"} == set(), file

    def test_what_is_not_given_is_as_the_example_says(self) -> None:
        whole = text("docker-compose.yml")
        defaults = {name: default for name, default in VARIABLE.findall(whole) if default}

        assert set(example()) == {name for name, _ in VARIABLE.findall(whole)}
        for name, default in defaults.items():
            assert example()[name] == default

    @pytest.mark.parametrize("name", OURS)
    def test_what_compose_would_not_let_the_file_of_settings_change_comes_from_the_other(
        self, name: str
    ) -> None:
        ours = {
            key: value
            for key, value in SERVICES[name]["environment"].items()
            if key.startswith(PREFIX) and not key.endswith("_FILE") and key != "SLUICE_KAFKA_URL"
        }

        assert "SLUICE_SIGNUP_ENABLED" in ours
        for key, value in ours.items():
            assert value.startswith(f"${{{key}:-")
            assert key in example()

    def test_the_example_lets_one_machine_in_by_its_usual_names(self) -> None:
        assert example()["SITE_ADDRESS"] == "http://localhost, http://127.0.0.1"

    def test_it_does_not_start_without_an_address(self) -> None:
        assert "${SITE_ADDRESS:?" in text("docker-compose.yml")

    @pytest.mark.parametrize("name", OURS)
    def test_a_process_reads_its_settings_and_finds_its_engines(
        self, name: str, made: Path
    ) -> None:
        for secret in SERVICES[name]["secrets"]:
            assert COMPOSE["secrets"][secret]["file"] == f"deploy/secrets/{secret}"
        found = {
            key: value.replace("/run/secrets", str(made))
            for key, value in environment(name, example()).items()
        }

        settings = load(found)

        assert kafka_of(settings).servers == ("kafka:9092",)
        assert "@postgres:5432/" in paths_of(settings).database_url
        assert (len(settings.secret) >= 32) == (name != "worker")
        assert not settings.signup_enabled
        if name == "prober":
            return  # it has nothing to do with the store
        paths = server_paths(paths_of(settings))
        user = "reader" if name in ("edge", "api") else "sluice"
        assert paths.warehouse_url.startswith(f"http://{user}:")
        assert "@clickhouse:8123/" in paths.warehouse_url


@pytest.fixture
def made(tmp_path: Path) -> Path:
    folder = tmp_path / "secrets"
    make_secrets(folder)
    return folder


def make_secrets(folder: Path) -> None:
    script = ROOT / "deploy" / "make-secrets.sh"
    subprocess.run([script, folder], check=True, capture_output=True)


class TestUnits:
    """deploy/systemd: the same processes as services, as docs/without-docker.md starts them."""

    def lines(self, name: str) -> list[str]:
        return text(f"deploy/systemd/{name}").splitlines()

    @pytest.mark.parametrize(
        ("name", "kind", "folder"),
        [
            ("sluice.service", "up", "sluice"),
            ("sluice@.service", "%i", "sluice/%i"),
            ("sluice-prober.service", "prober", "sluice-prober"),
        ],
    )
    def test_ours_runs_as_a_user_of_its_own_with_a_folder_of_its_own(
        self, name: str, kind: str, folder: str
    ) -> None:
        lines = self.lines(name)

        assert f"ExecStart=/opt/sluice/.venv/bin/sluice {kind}" in lines
        assert {"User=sluice", f"StateDirectory={folder}", "StateDirectoryMode=0700"} <= set(lines)
        assert any(f"SLUICE_DATA_DIR=/var/lib/{folder} " in line for line in lines)

    @pytest.mark.parametrize("name", ["sluice.service", "sluice@.service"])
    def test_apps_outlive_a_restart_of_what_deploys_them(self, name: str) -> None:
        assert "KillMode=process" in self.lines(name)

    def test_the_broker_is_as_in_compose(self) -> None:
        settings = dict(
            line.split("=", 1)
            for line in self.lines("kafka.properties")
            if line[:1] not in ("", "#")
        )
        compose = {
            key.removeprefix("KAFKA_").lower().replace("_", "."): str(value)
            for key, value in SERVICES["kafka"]["environment"].items()
            if key != "KAFKA_HEAP_OPTS"
        }
        local = {"listeners", "advertised.listeners", "controller.quorum.voters", "log.dirs"}

        assert {k: v for k, v in settings.items() if k not in local} == {
            k: v for k, v in compose.items() if k not in local
        }


class TestSecrets:
    def test_each_that_is_mounted_is_made(self, made: Path) -> None:
        named = {Path(secret["file"]).name for secret in COMPOSE["secrets"].values()}

        # Those two are in the addresses of the store.
        inside = {"clickhouse_password", "clickhouse_reader_password"}
        assert {file.name for file in made.iterdir()} == named | inside

    def test_a_second_run_changes_nothing_and_adds_what_is_missing(self, made: Path) -> None:
        (made / "secret").unlink()
        before = {file.name: file.read_bytes() for file in made.iterdir()}

        make_secrets(made)

        after = {file.name: file.read_bytes() for file in made.iterdir()}
        assert len(after.pop("secret")) == 64
        assert after == before

    def test_an_older_installation_gets_the_reader_of_the_store_by_a_second_run(
        self, made: Path
    ) -> None:
        new = ("clickhouse_reader_password", "clickhouse_reader.xml", "warehouse_read_url")
        for name in new:
            (made / name).unlink()
        before = {file.name: file.read_bytes() for file in made.iterdir()}

        make_secrets(made)

        after = {file.name: file.read_bytes() for file in made.iterdir()}
        assert set(after) == {*before, *new}
        assert {name: after[name] for name in before} == before

    def test_a_store_of_the_operators_own_is_read_where_it_is_written(self, made: Path) -> None:
        (made / "warehouse_read_url").unlink()
        (made / "warehouse_url").unlink()
        (made / "warehouse_url").write_text("https://ann:a-password@store.example.com:8443/events")

        make_secrets(made)

        read = (made / "warehouse_read_url").read_text()
        assert read == "https://ann:a-password@store.example.com:8443/events"

    def test_the_folder_is_closed_whatever_the_umask_and_how_it_was_found(
        self, tmp_path: Path
    ) -> None:
        for folder in (tmp_path / "new", tmp_path / "old"):
            script = f"umask 000; exec {ROOT}/deploy/make-secrets.sh {folder}"
            if folder.name == "old":
                folder.mkdir()
                folder.chmod(0o777)

            subprocess.run(["sh", "-c", script], check=True, capture_output=True)

            assert stat.S_IMODE(folder.stat().st_mode) == 0o700

    def test_two_installations_have_nothing_in_common(self, made: Path, tmp_path: Path) -> None:
        make_secrets(tmp_path / "other")

        for file in made.iterdir():
            assert file.read_bytes() != (tmp_path / "other" / file.name).read_bytes()

    def test_users_of_the_machine_are_kept_out_and_those_of_containers_are_not(
        self, made: Path
    ) -> None:
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        assert {stat.S_IMODE(file.stat().st_mode) for file in made.iterdir()} == {0o444}

    def test_the_store_knows_the_passwords_that_processes_use(self, made: Path) -> None:
        for user, listed_in, file in (
            ("sluice", "clickhouse_users.xml", "clickhouse_password"),
            ("grafana", "clickhouse_users.xml", "clickhouse_grafana_password"),
            ("reader", "clickhouse_reader.xml", "clickhouse_reader_password"),
        ):
            users = ElementTree.parse(made / listed_in).getroot()
            digest = hashlib.sha256((made / file).read_bytes()).hexdigest()
            assert users.findtext(f"users/{user}/password_sha256_hex") == digest
        for address, file in (
            ("warehouse_url", "clickhouse_password"),
            ("warehouse_read_url", "clickhouse_reader_password"),
        ):
            assert (made / file).read_text() in (made / address).read_text()
        assert (made / "postgres_password").read_text() in (made / "database_url").read_text()

    def test_they_stay_out_of_git_and_of_the_image(self) -> None:
        assert "secrets/" in text("deploy/.gitignore").splitlines()
        assert "deploy/secrets" in text(".dockerignore").splitlines()


class TestImage:
    def test_it_holds_every_package(self) -> None:
        dockerfile, ignored = text("Dockerfile"), text(".dockerignore").splitlines()

        for package in PACKAGES:
            assert f"COPY {package} {package}\n" in dockerfile
            assert f"!{package}" in ignored

    def test_it_runs_as_nobody_in_particular_on_one_version_of_python(self) -> None:
        lines = text("Dockerfile").splitlines()
        bases = {line.split()[1] for line in lines if line.startswith("FROM ")}

        assert bases == {"${PYTHON_IMAGE}"}
        assert re.match(r"ARG PYTHON_IMAGE=python:3\.12\.\d+-slim-\w+", lines[2])
        assert "USER sluice" in lines
        assert lines.count('ENTRYPOINT ["sluice"]') == 1


class TestPins:
    """deploy/pin-images.sh, with a stand-in for `docker` that knows every image's digest."""

    def pin(self, tmp_path: Path, digest: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "deploy").mkdir()
        for name in ("deploy/pin-images.sh", "docker-compose.yml", "Dockerfile"):
            shutil.copy(ROOT / name, tmp_path / name)
        stand_in = tmp_path / "bin" / "docker"
        stand_in.parent.mkdir()
        stand_in.write_text(f'#!/bin/sh\n[ "$1 $2" = "buildx imagetools" ] && echo {digest}\n')
        stand_in.chmod(0o755)
        environ = {**os.environ, "PATH": f"{stand_in.parent}:{os.environ['PATH']}"}
        script = tmp_path / "deploy" / "pin-images.sh"
        return subprocess.run([script], env=environ, capture_output=True, text=True, check=False)

    def test_every_image_is_named_by_its_tag_and_digest(self, tmp_path: Path) -> None:
        digest = f"sha256:{'0' * 64}"

        assert self.pin(tmp_path, digest).returncode == 0

        pins = yaml.safe_load((tmp_path / "docker-compose.pins.yml").read_text())["services"]
        theirs = {
            name: f"{SERVICES[name]['image']}@{digest}" for name in SERVICES if name not in OURS
        }
        built = {name: pins[name]["build"]["args"]["PYTHON_IMAGE"] for name in OURS}
        assert {name: pins[name]["image"] for name in theirs} == theirs
        assert set(built.values()) == {f"python:3.12.13-slim-bookworm@{digest}"}
        assert set(pins) == set(SERVICES)

    def test_without_a_digest_nothing_is_written(self, tmp_path: Path) -> None:
        assert self.pin(tmp_path, "nothing").returncode != 0
        assert not (tmp_path / "docker-compose.pins.yml").exists()


class TestStore:
    def test_nobody_comes_in_from_outside_without_a_password(self) -> None:
        users = ElementTree.parse(ROOT / "deploy/clickhouse/users.xml").getroot()
        networks = users.find("users/default/networks")

        assert networks is not None
        assert networks.get("replace") == "replace"
        assert [ip.text for ip in networks] == ["127.0.0.1", "::1"]

    def test_dashboards_change_nothing(self, made: Path) -> None:
        bounds = ElementTree.parse(ROOT / "deploy/clickhouse/users.xml").getroot()
        user = ElementTree.parse(made / "clickhouse_users.xml").getroot().find("users/grafana")
        assert user is not None
        profile = user.findtext("profile")
        source = yaml.safe_load(text("deploy/grafana/datasources/clickhouse.yml"))

        assert bounds.findtext(f"profiles/{profile}/readonly") == "2"
        assert all("GRANT SELECT" in str(query.text) for query in user.iter("query"))
        assert source["datasources"][0]["jsonData"]["username"] == "grafana"

    def test_what_only_reads_may_only_read(self, made: Path) -> None:
        reader = ElementTree.parse(made / "clickhouse_reader.xml").getroot().find("users/reader")

        assert reader is not None
        assert [query.text for query in reader.iter("query")] == ["GRANT SELECT ON default.*"]

    def test_its_own_settings_are_well_formed(self) -> None:
        assert ElementTree.parse(ROOT / "deploy/clickhouse/config.xml").getroot().tag
        assert yaml.safe_load(text("deploy/grafana/dashboards/sluice.yml"))["apiVersion"] == 1


class TestEdgePlace:
    """deploy/edge.sh, with a stand-in for `sluice` that says where it is and waits."""

    @pytest.fixture
    def start(self, tmp_path: Path) -> Iterator[Any]:
        stand_in = tmp_path / "bin" / "sluice"
        stand_in.parent.mkdir()
        stand_in.write_text('#!/bin/sh\necho "$1 $SLUICE_DATA_DIR"\nread -r line\n')
        stand_in.chmod(0o755)
        root = tmp_path / "edges"
        root.mkdir()
        environ = {
            **os.environ,
            "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
            "SLUICE_DATA_DIR": str(root),
        }
        running: list[subprocess.Popen[str]] = []

        def run() -> tuple[subprocess.Popen[str], str]:
            edge = subprocess.Popen(
                [ROOT / "deploy" / "edge.sh"],
                env=environ,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
            running.append(edge)
            assert edge.stdout
            return edge, edge.stdout.readline().strip().replace(f"{root}/", "")

        yield run
        for edge in running:
            edge.communicate()

    @pytest.mark.skipif(not shutil.which("flock"), reason="flock is not installed")
    def test_each_has_its_own_and_the_next_takes_over_what_one_has_left(self, start: Any) -> None:
        first, first_place = start()
        _, second_place = start()
        first.kill()
        first.communicate()
        _, third_place = start()

        assert first_place == "edge edge-0"
        assert second_place == "edge edge-1"
        assert third_place == first_place


class TestCheckpoints:
    """What docs/operations.md tells an operator to do to them."""

    def test_the_section_that_the_error_names_is_there(self) -> None:
        named = re.search(r"(\S+), '(.+)'", HOW_TO_FIX)

        assert named
        assert f"### {named[2]}\n" in text(named[1])

    async def test_a_place_that_was_set_back_is_where_the_next_owner_begins(
        self, tmp_path: Path
    ) -> None:
        page = text("docs/operations.md")
        select, update = re.findall(r'psql -U sluice -c[ \\\n]+"([^"]+)"', page)
        file = tmp_path / "control.db"
        place = ("kafka:…/…", "raw.traces", 3)
        first = await claim(file, place, pending=Intent(5000, 5010, by_parts=False, epoch="e"))
        with sqlite3.connect(file) as connection:
            shown = connection.execute(select).fetchall()
            changed = connection.execute(update).rowcount
        connection.close()

        second = await claim(file, place)

        assert [row[:4] for row in shown] == [(*place, first.stored_through)]
        assert changed == 1
        assert second.stored_through == 1199
        assert second.pending is None


async def claim(file: Path, place: tuple[str, str, int], pending: Intent | None = None) -> Progress:
    database = Database(f"sqlite:///{file}")
    try:
        await database.migrate()
        checkpoints = PartitionProgress(database)
        taken = await checkpoints.claim(*place, "a worker")
        if pending:
            await checkpoints.declare(*place, taken.epoch, pending)
        return taken.progress
    finally:
        await database.close()
