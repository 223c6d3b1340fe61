"""What is found in folders, and what wins over what."""

from pathlib import Path

import pytest

from deploys.detecting import Given, Plan, detect, subfolder
from deploys.failures import NothingDetected

NOTHING_GIVEN = Given()
PIP = "python3 -m venv .venv && .venv/bin/pip install"
EMPTY_VENV = "python3 -m venv .venv --without-pip"


def fill(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


def found(folder: Path, files: dict[str, str], given: Given = NOTHING_GIVEN) -> Plan:
    return detect(fill(folder, files), given)


class TestPython:
    @pytest.mark.parametrize(
        ("files", "install", "start"),
        [
            ({"main.py": "print(1)"}, EMPTY_VENV, "python main.py"),
            (
                {"requirements.txt": "httpx\n", "app.py": ""},
                f"{PIP} -r requirements.txt",
                "python app.py",
            ),
            (
                {"pyproject.toml": '[project]\nname = "x"\n', "server.py": ""},
                f"{PIP} .",
                "python server.py",
            ),
            (
                {"uv.lock": "", "pyproject.toml": '[project]\nname = "x"\n', "main.py": ""},
                f"{PIP} uv && .venv/bin/uv sync --frozen --no-dev --inexact",
                "python main.py",
            ),
            (
                {"Pipfile": "", "Pipfile.lock": "{}", "main.py": ""},
                f"{PIP} pipenv && .venv/bin/pipenv install --deploy",
                "python main.py",
            ),
            (
                {
                    "requirements.txt": "fastapi\nuvicorn[standard]\n",
                    "main.py": "from fastapi import FastAPI\napi = FastAPI()\n",
                },
                f"{PIP} -r requirements.txt",
                "uvicorn main:api --host $HOST --port $PORT",
            ),
            (
                {
                    "requirements.txt": "Flask==3\ngunicorn\n",
                    "app.py": "import flask\napp = flask.Flask(__name__)\n",
                },
                f"{PIP} -r requirements.txt",
                "gunicorn --bind $HOST:$PORT app:app",
            ),
            (
                {"requirements.txt": "flask\n", "app.py": "app: Flask = Flask(__name__)\n"},
                f"{PIP} -r requirements.txt",
                "flask --app app:app run --host $HOST --port $PORT",
            ),
            (
                {
                    "requirements.txt": "Django\ngunicorn\n",
                    "manage.py": "",
                    "shop/wsgi.py": "application = get_wsgi_application()",
                },
                f"{PIP} -r requirements.txt",
                "gunicorn --bind $HOST:$PORT shop.wsgi",
            ),
        ],
    )
    def test_its_packages_and_its_server_are_found(
        self, tmp_path: Path, files: dict[str, str], install: str, start: str
    ) -> None:
        plan = found(tmp_path, files)

        assert (plan.language, plan.install, plan.start) == ("python", install, start)

    def test_the_reason_is_a_sentence_for_people(self, tmp_path: Path) -> None:
        files = {"requirements.txt": "litestar\nuvicorn\n", "app.py": "app = Litestar([])\n"}

        plan = found(tmp_path, files)

        assert plan.why == "requirements.txt says that this is Python with Litestar."
        assert (plan.framework, plan.package_manager) == ("litestar", "pip")


class TestNode:
    @pytest.mark.parametrize(
        ("files", "install", "build", "start"),
        [
            ({"package.json": '{"scripts": {"start": "node ."}}'}, "", "", "npm start"),
            ({"package.json": "{}", "server.js": ""}, "", "", "node server.js"),
            (
                {
                    "package.json": '{"main": "lib/a.js", "dependencies": {"express": "4"}}',
                    "lib/a.js": "",
                },
                "npm install",
                "",
                "node lib/a.js",
            ),
            (
                {
                    "package.json": '{"scripts": {"build": "tsc", "start": "node dist"}}',
                    "package-lock.json": "{}",
                },
                "npm ci",
                "npm run build",
                "npm start",
            ),
            (
                {
                    "package.json": '{"dependencies": {"next": "15"}, "scripts": {"build": "n"}}',
                    "pnpm-lock.yaml": "",
                },
                "npx --yes pnpm install --frozen-lockfile",
                "npx --yes pnpm run build",
                "next start -p $PORT",
            ),
        ],
    )
    def test_its_manager_and_its_scripts_are_found(
        self, tmp_path: Path, files: dict[str, str], install: str, build: str, start: str
    ) -> None:
        plan = found(tmp_path, files)

        assert (plan.install, plan.build, plan.start) == (install, build, start)

    @pytest.mark.parametrize(
        ("package", "site"),
        [
            ('{"devDependencies": {"vite": "6"}, "scripts": {"build": "vite build"}}', "dist"),
            (
                '{"dependencies": {"react-scripts": "5"},'
                ' "scripts": {"build": "b", "start": "react-scripts start"}}',
                "build",
            ),
        ],
    )
    def test_what_builds_a_site_is_served_by_us(
        self, tmp_path: Path, package: str, site: str
    ) -> None:
        plan = found(tmp_path, {"package.json": package})

        assert (plan.kind, plan.site, plan.start) == ("static", site, "")
        assert plan.build == "npm run build"


class TestOthers:
    @pytest.mark.parametrize(("name", "site"), [("index.html", "."), ("docs/index.html", "docs")])
    def test_a_site_without_a_build(self, tmp_path: Path, name: str, site: str) -> None:
        plan = found(tmp_path, {name: "<h1>Hello"})

        assert (plan.kind, plan.site, plan.language) == ("static", site, "static")

    def test_a_procfile_says_how_to_start(self, tmp_path: Path) -> None:
        files = {"Procfile": "worker: x\nweb: python shop.py --port $PORT\n", "main.py": ""}

        plan = found(tmp_path, files)

        assert plan.start == "python shop.py --port $PORT"
        assert plan.install == EMPTY_VENV

    def test_a_procfile_is_enough(self, tmp_path: Path) -> None:
        assert found(tmp_path, {"Procfile": "web: ./run\n"}).start == "./run"

    def test_what_people_set_wins(self, tmp_path: Path) -> None:
        files = {"Procfile": "web: python a.py", "requirements.txt": "x", "main.py": ""}

        plan = found(tmp_path, files, Given(install="make deps", start="./serve"))

        assert (plan.install, plan.build, plan.start) == ("make deps", "", "./serve")
        assert plan.why.endswith("; set by hand: install, start.")

    def test_a_start_command_wins_over_serving_a_site(self, tmp_path: Path) -> None:
        plan = found(tmp_path, {"index.html": ""}, Given(start="./serve"))

        assert (plan.kind, plan.start) == ("command", "./serve")

    def test_a_start_command_needs_nothing_else(self, tmp_path: Path) -> None:
        assert found(tmp_path, {"Main.java": ""}, Given(start="java Main.java")).install == ""

    def test_a_dockerfile_is_for_docker(self, tmp_path: Path) -> None:
        fill(tmp_path, {"Dockerfile": "FROM scratch", "main.py": ""})

        assert detect(tmp_path, NOTHING_GIVEN, has_docker=True).kind == "dockerfile"
        assert detect(tmp_path, NOTHING_GIVEN).start == "python main.py"

    def test_a_python_app_with_scripts_of_node_is_python(self, tmp_path: Path) -> None:
        files = {"requirements.txt": "", "main.py": "", "package.json": '{"scripts": {}}'}

        assert found(tmp_path, files).language == "python"

    def test_who_can_be_started_comes_first(self, tmp_path: Path) -> None:
        files = {"requirements.txt": "", "package.json": "{}", "server.js": ""}

        assert found(tmp_path, files).language == "node"


class TestFailures:
    @pytest.mark.parametrize(
        ("files", "message"),
        [
            ({}, "Add a Procfile .* or set start_command"),
            ({"go.mod": ""}, "this is Go: .*build_command `go build"),
            ({"Dockerfile": ""}, "built by the driver docker alone"),
            ({"requirements.txt": "x"}, "Python, but not how to start it: set start_command"),
            ({"package.json": "not json"}, "Node, but not how to start it"),
        ],
    )
    def test_they_say_what_to_set(
        self, tmp_path: Path, files: dict[str, str], message: str
    ) -> None:
        with pytest.raises(NothingDetected, match=message):
            found(tmp_path, files)

    def test_a_link_out_of_the_folder_is_not_read(self, tmp_path: Path) -> None:
        secret = tmp_path / "secret"
        secret.write_text("web: cat secret")
        folder = tmp_path / "app"
        folder.mkdir()
        (folder / "Procfile").symlink_to(secret)

        with pytest.raises(NothingDetected):
            detect(folder, NOTHING_GIVEN)

    @pytest.mark.parametrize("run_dir", ["..", "a/../../x", "nothing", "out"])
    def test_a_run_dir_stays_inside(self, tmp_path: Path, run_dir: str) -> None:
        folder = tmp_path / "app"
        folder.mkdir()
        (folder / "out").symlink_to(tmp_path)

        with pytest.raises(NothingDetected, match="no folder of the repository"):
            subfolder(folder, run_dir)

    def test_a_run_dir_may_begin_with_a_slash(self, tmp_path: Path) -> None:
        (tmp_path / "web").mkdir()

        assert subfolder(tmp_path, "/web/") == tmp_path.resolve() / "web"
        assert subfolder(tmp_path, "") == tmp_path.resolve()
