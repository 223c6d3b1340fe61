"""How commands ask a running server with an API key."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from sluice.commands.control import Control, run_in_project
from sluice.commands.errors import CommandError
from sluice.commands.options import address_of, settings_with
from sluice.demo_requests import client_of

if TYPE_CHECKING:
    from controlplane.directory import ProjectRow

LATER = frozenset({429, 503})


class Asker:
    """A server, asked with one key."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def get(self, path: str, **params: object) -> Any:
        """Return what is answered. Raises `CommandError`."""
        return self._asked("GET", path, params={k: str(v) for k, v in params.items()})

    def post(self, path: str, body: Any) -> Any:
        """Send JSON, and return what is answered. Raises `CommandError`."""
        return self._asked("POST", path, json=body)

    def has(self, path: str) -> bool:
        """Tell whether there is something at a path. Raises `CommandError`."""
        answer = self._sent("GET", path)
        if answer.status_code != httpx.codes.NOT_FOUND:
            _checked(answer)
        return answer.is_success

    def _asked(self, method: str, path: str, **content: Any) -> Any:
        answer = self._sent(method, path, **content)
        _checked(answer)
        return answer.json()

    def _sent(self, method: str, path: str, **content: Any) -> httpx.Response:
        try:
            return self._client.request(method, path, **content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            why = f"{self._client.base_url} does not answer ({error or type(error).__name__})"
            raise CommandError(f"{why}: name the server's address with --url") from error


@contextmanager
def asker(
    url: str | None, key: str | None, project: str | None, data_dir: Path | None
) -> Iterator[Asker]:
    """Open a server: with the key that is given, or else with the oldest of a project here.

    Raises `CommandError`.
    """
    settings = settings_with(api_key=key, data_dir=data_dir)
    plain = settings.api_key or run_in_project(_oldest_key, project, data_dir)
    address = (url or address_of(settings)).rstrip("/")
    with client_of(address, {"Authorization": f"Bearer {plain}"}) as client:
        yield Asker(client)


async def _oldest_key(control: Control, project: "ProjectRow") -> str:
    from controlplane.keys import list_keys

    for key in await list_keys(control.database, control.vault, project.project_id):
        if key.plain:
            return key.plain
    raise CommandError("the project has no API key; make one with: sluice key create")


def _checked(answer: httpx.Response) -> None:
    if answer.is_success:
        return
    again = "; try again later" if answer.status_code in LATER else ""
    raise CommandError(f"the server answers {answer.status_code}: {answer.text[:300]}{again}")
