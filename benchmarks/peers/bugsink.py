"""Bugsink as its documents say, on SQLite: gunicorn takes events, snappea digests them.

Its bounds on events are lifted.
"""

import os
import subprocess
from collections.abc import Mapping

from benchmarks.peers.peer import Peer, Place, rows_in
from benchmarks.peers.work import ERRORS
from benchmarks.server import DSN_KEY

STEP_S = 120
MANY = 10_000_000
PROJECT = f"""
import uuid
from teams.models import Team
from projects.models import Project
Project.objects.create(
    id=1, name="bench", team=Team.objects.create(name="bench"),
    sentry_key=uuid.UUID("{DSN_KEY}"), retention_max_event_count={MANY},
)
"""
SETTINGS = f"""
BUGSINK["PHONEHOME"] = False
for name in ("MAX_EVENTS_PER_PROJECT_PER_5_MINUTES", "MAX_EVENTS_PER_PROJECT_PER_HOUR",
             "MAX_EVENTS_PER_PROJECT_PER_MONTH", "MAX_EVENTS_PER_5_MINUTES",
             "MAX_EVENTS_PER_HOUR", "MAX_EVENTS_PER_MONTH"):
    BUGSINK[name] = {MANY}
SECURE_PROXY_SSL_HEADER = None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = USE_X_REAL_IP = False
ALLOWED_HOSTS = ["127.0.0.1"]
"""


def bugsink() -> Peer:
    """Returns how it is started."""
    return Peer(
        name="Bugsink",
        version="2.6.2",
        package="bugsink",
        works=(ERRORS,),
        prepare=_prepare,
        commands=_commands,
        environ=_environ,
        ready="/health/ready",
        headers={},
        count=rows_in("db.sqlite3", "events_event"),
    )


def _environ(place: Place) -> Mapping[str, str]:
    return {"PYTHONPATH": str(place.folder), "DJANGO_SETTINGS_MODULE": "bugsink_conf"}


def _commands(place: Place) -> list[list[str]]:
    # Threads keep connections, which its usual workers close after each answer.
    bounds = (f"--bind=127.0.0.1:{place.port}", "--workers=2", "--threads=16")
    return [
        [str(place.programs / "gunicorn"), *bounds, "bugsink.wsgi"],
        [str(place.programs / "bugsink-runsnappea")],
    ]


def _prepare(place: Place) -> None:
    def call(program: str, *arguments: str) -> None:
        subprocess.run(
            [str(place.programs / program), *arguments],
            cwd=place.folder,
            env={**os.environ, **_environ(place)},
            check=True,
            stdout=subprocess.DEVNULL,
            timeout=STEP_S,
        )

    where = ("--host=127.0.0.1", f"--port={place.port}", f"--base-dir={place.folder}")
    call("bugsink-create-conf", "--template=singleserver", *where)
    with (place.folder / "bugsink_conf.py").open("a") as file:
        file.write(f'{SETTINGS}BUGSINK["BASE_URL"] = "http://127.0.0.1:{place.port}"\n')
    call("bugsink-manage", "migrate")
    call("bugsink-manage", "migrate", "--database=snappea")
    call("bugsink-manage", "shell", "-c", PROJECT)
