"""What versions of prompts say, as far as it is known."""

from collections.abc import Sequence
from typing import NamedTuple

from clickhouse.client import Warehouse
from schemas.projects import ProjectContext

MOST_TEXTS = 500
# Of a version that is stored each day, the newest text: that of one that was erased is empty.
TEXTS = """
SELECT
    prompt,
    version,
    argMax({text}, (timestamp, item_id)) AS said
FROM prompt_templates
WHERE project_id = {project_id:String}
    AND prompt IN {prompts:Array(String)}
    {versions}
GROUP BY prompt, version
ORDER BY max(timestamp) DESC, prompt, version
LIMIT {limit:UInt32}
"""
TITLE_CHARS = 160


class PromptText(NamedTuple):
    """One version of a prompt."""

    prompt: str
    version: str
    text: str


async def read_templates(
    warehouse: Warehouse, project: ProjectContext, prompt: str, versions: Sequence[str]
) -> dict[str, str]:
    """Returns the texts of some versions of a prompt."""
    of = {"versions": list(versions)[:MOST_TEXTS]}
    rows = await _read(warehouse, project, [prompt], of, text="text")
    return {one.version: one.text for one in rows}


async def read_titles(
    warehouse: Warehouse, project: ProjectContext, prompts: Sequence[str]
) -> dict[str, str]:
    """Returns how prompts begin, each as one of its newest versions does."""
    text = f"substringUTF8(text, 1, {TITLE_CHARS})"
    rows = await _read(warehouse, project, list(prompts)[:MOST_TEXTS], {}, text=text)
    found: dict[str, str] = {}
    for one in rows:
        found.setdefault(one.prompt, one.text)
    return found


async def _read(
    warehouse: Warehouse,
    project: ProjectContext,
    prompts: Sequence[str],
    of: dict[str, list[str]],
    *,
    text: str,
) -> list[PromptText]:
    if not prompts or of.get("versions") == []:
        return []
    narrowed = "AND version IN {versions:Array(String)}" if of else ""
    sql = TEXTS.replace("{text}", text).replace("{versions}", narrowed)
    values = {"project_id": project.project_id, "prompts": prompts, "limit": MOST_TEXTS, **of}
    return [PromptText(*row) for row in (await warehouse.query(sql, values)).rows]
