"""Python: what installs its packages into `.venv`, and which server starts it."""

import re
from typing import NamedTuple

from deploys.detection.files import Files
from deploys.detection.found import Found

VENV = "python3 -m venv .venv"
ENTRIES = ("main.py", "app.py", "server.py", "wsgi.py", "asgi.py", "run.py")
"""Files in which an app is looked for, in this order."""
APP_LINE = r"(?m)^(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)?{}\("
ASGI = {
    "fastapi": "FastAPI",
    "litestar": "Litestar",
    "starlette": "Starlette",
    "quart": "Quart",
    "sanic": "Sanic",
}
"""Packages, and the class of which an app of theirs is one."""


class Installed(NamedTuple):
    """How packages are installed, and by what."""

    command: str
    manager: str
    source: str


def find_python(files: Files) -> Found | None:
    """Returns how an app in Python is run, `None` where there is none."""
    installed = _installed(files)
    entry = next((name for name in ENTRIES if files.has(name)), "")
    is_django = files.has("manage.py")
    if not installed and not entry and not is_django:
        return None
    installed = installed or Installed(f"{VENV} --without-pip", "", entry or "manage.py")
    framework, start = _start(files, _packages(files))
    how = f" with {framework}" if framework else ""
    return Found(
        language="python",
        framework=framework.lower(),
        package_manager=installed.manager,
        install=installed.command,
        start=start,
        why=f"{installed.source} says that this is Python{how}",
    )


def _installed(files: Files) -> Installed | None:
    pip = f"{VENV} && .venv/bin/pip install"
    if files.has("uv.lock"):
        # What installs uv may not be there: it comes into the same environment, and stays there.
        command = f"{pip} uv && .venv/bin/uv sync --frozen --no-dev --inexact"
        return Installed(command, "uv", "uv.lock")
    if files.has("Pipfile"):
        locked = "--deploy" if files.has("Pipfile.lock") else "--skip-lock"
        return Installed(f"{pip} pipenv && .venv/bin/pipenv install {locked}", "pipenv", "Pipfile")
    if files.has("requirements.txt"):
        return Installed(f"{pip} -r requirements.txt", "pip", "requirements.txt")
    project = files.toml("pyproject.toml")
    if "project" in project or "build-system" in project:
        return Installed(f"{pip} .", "pip", "pyproject.toml")
    if files.has("setup.py"):
        return Installed(f"{pip} .", "pip", "setup.py")
    return None


def _packages(files: Files) -> str:
    """Returns the texts in which an app names what it needs, in lower case."""
    names = ("requirements.txt", "pyproject.toml", "Pipfile", "setup.py", "setup.cfg")
    return "\n".join(files.text(name) for name in names).lower()


def _needs(packages: str, name: str) -> bool:
    return bool(re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w.-])", packages))


def _start(files: Files, packages: str) -> tuple[str, str]:
    if files.has("manage.py"):
        return "Django", _django(files, packages)
    for name in ENTRIES:
        text = files.text(name)
        module = name.removesuffix(".py")
        for package, kind in ASGI.items():
            if (found := re.search(APP_LINE.format(kind), text)) and _needs(packages, "uvicorn"):
                app = f"{module}:{found[1]}"
                return package.capitalize(), f"uvicorn {app} --host $HOST --port $PORT"
        if found := re.search(APP_LINE.format("Flask"), text):
            return "Flask", _flask(module, found[1], packages)
        if re.search(r"(?m)^(?:import streamlit|from streamlit)", text):
            options = "--server.address $HOST --server.port $PORT --server.headless true"
            return "Streamlit", f"streamlit run {name} {options}"
    entry = next((name for name in ENTRIES if files.has(name)), "")
    return "", f"python {entry}" if entry else ""


def _flask(module: str, app: str, packages: str) -> str:
    if _needs(packages, "gunicorn"):
        return f"gunicorn --bind $HOST:$PORT {module}:{app}"
    return f"flask --app {module}:{app} run --host $HOST --port $PORT"


def _django(files: Files, packages: str) -> str:
    modules = [name[: -len(".py")].replace("/", ".") for name in files.matching("*/wsgi.py")]
    if modules and _needs(packages, "gunicorn"):
        return f"gunicorn --bind $HOST:$PORT {modules[0]}"
    return "python manage.py runserver --noreload $HOST:$PORT"
