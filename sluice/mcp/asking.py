"""One call of the API for a tool, and its answer as a text of a bounded length."""

from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
from mcp.server.fastmcp.exceptions import ToolError

TIMEOUT_S = 60.0
MOST_CHARS = 60_000
"""Of an answer: some 15,000 tokens of a model."""
CUTS = ((4_000, 100), (1_000, 50), (400, 20), (100, 5), (50, 1))
"""Characters of a text and items of a list that are left of a longer answer, tried in order."""
MOST_PROBLEM = 2_000


class Asking:
    """A client of the API with one token."""

    def __init__(self, url: str, token: str, transport: Any = None) -> None:
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/") + "/api/v1/",
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            trust_env=False,
            transport=transport,
        )

    async def get(self, path: str, **query: Any) -> str:
        """Return what the API answers. Raises `ToolError` with its message."""
        given = {name: value for name, value in query.items() if value is not None}
        return await self._ask("GET", path, params=given)

    async def patch(self, path: str, body: Mapping[str, Any]) -> str:
        """Change something, and return it as it is then. Raises `ToolError`."""
        return await self._ask("PATCH", path, json=body)

    async def post(self, path: str, body: Mapping[str, Any]) -> str:
        """Make something, and return it. Raises `ToolError`."""
        return await self._ask("POST", path, json=body)

    async def _ask(self, method: str, path: str, **sent: Any) -> str:
        try:
            answer = await self._http.request(method, path, **sent)
            found = msgspec.json.decode(answer.content)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise ToolError(f"The server cannot be reached: {error or type(error).__name__}") from (
                error
            )
        except msgspec.DecodeError as error:
            raise ToolError(f"The server answered {answer.status_code} without JSON") from error
        if not answer.is_success:
            raise ToolError(f"{answer.status_code}: {_problem(found)}")
        return bounded(found)


def bounded(found: Any) -> str:
    """Return JSON of at most `MOST_CHARS` characters.

    Of a longer answer, long texts and lists are cut. What was cut says so in its place.
    """
    text = _json(found)
    for texts, items in CUTS:
        if len(text) <= MOST_CHARS:
            return text
        text = _json(_cut(found, texts, items))
    left_out = len(text) - MOST_CHARS
    return text if left_out <= 0 else f"{text[:MOST_CHARS]}… ({left_out} more characters)"


def _cut(found: Any, texts: int, items: int) -> Any:
    if isinstance(found, str) and len(found) > texts:
        return found[:texts] + f"… ({len(found) - texts} more characters)"
    if isinstance(found, dict):
        return {key: _cut(value, texts, items) for key, value in found.items()}
    if isinstance(found, list):
        kept = [_cut(one, texts, items) for one in found[:items]]
        left_out = len(found) - len(kept)
        return [*kept, f"… ({left_out} more)"] if left_out else kept
    return found


def _problem(found: Any) -> str:
    """Return what the API says is wrong, of a field too where it names one."""
    if not isinstance(found, dict) or "error" not in found:
        return _json(found)[:MOST_PROBLEM]
    details = found.get("details")
    return str(found["error"]) if details is None else f"{found['error']} {_json(details)}"


def _json(found: Any) -> str:
    return msgspec.json.encode(found).decode()
