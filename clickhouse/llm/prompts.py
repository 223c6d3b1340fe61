"""The bodies of some calls as far as their last message is in them: long ones are cut to it."""

from collections.abc import Sequence

from clickhouse.client import Warehouse
from clickhouse.llm.trace_lines import Place
from schemas.projects import ProjectContext

WHOLE_BYTES = 32_768
"""A body up to this is read whole; of a longer one, its last message up to this."""
LISTS = ("messages", "input", "contents")
# By the moment first, which the key finds: of few rows a body is read then.
PROMPTS = """
SELECT
    trace_id,
    multiIf(
        length(request_body) <= {whole:UInt32}, request_body,
        {last}
        ''
    ) AS body
FROM traces
WHERE project_id = {project_id:String}
    AND timestamp IN (
        SELECT fromUnixTimestamp64Micro(arrayJoin({moments:Array(Int64)}), 'UTC')
    )
    AND trace_id IN {ids:Array(String)}
LIMIT {limit:UInt32}
"""
LAST = """length(JSONExtractRaw(request_body, '{list}', -1)) BETWEEN 1 AND {whole:UInt32},
            concat('{"messages":[', JSONExtractRaw(request_body, '{list}', -1), ']}'),"""


async def read_prompts(
    warehouse: Warehouse, project: ProjectContext, places: Sequence[Place]
) -> dict[str, bytes]:
    """Returns JSON by trace id; empty where the last message is longer than can be shown."""
    if not places:
        return {}
    last = "\n        ".join(LAST.replace("{list}", name) for name in LISTS)
    values = {
        "project_id": project.project_id,
        "moments": sorted({place.us for place in places}),
        "ids": [place.trace_id for place in places],
        "whole": WHOLE_BYTES,
        "limit": len(places),
    }
    answer = await warehouse.query(PROMPTS.replace("{last}", last), values, as_bytes=("body",))
    return {row[0]: row[1] for row in answer.rows}
