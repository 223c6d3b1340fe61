"""Who is billed, as a reprice run needs it: costs of calls that are not billed are in no sum."""

from collections.abc import Sequence

from msgspec.structs import replace

from clickhouse.client import Warehouse
from clickhouse.llm.reprice import Change
from schemas.projects import ProjectId

BILLINGS = """
SELECT trace_id, billing::String
FROM traces
WHERE project_id = {project_id:String}
    AND timestamp IN (
        SELECT fromUnixTimestamp64Micro(arrayJoin({moments:Array(Int64)}), 'UTC')
    )
    AND trace_id IN {ids:Array(String)}
LIMIT 100000
"""
AT_ONCE = 2_000


async def with_billings(
    store: Warehouse, project_id: ProjectId, changes: Sequence[Change]
) -> list[Change]:
    """Returns changes with the billing that their calls have now."""
    told = [one for one in changes if one.is_told]
    found: dict[str, str] = {}
    for at in range(0, len(told), AT_ONCE):
        some = told[at : at + AT_ONCE]
        values = {"moments": [one.at_us for one in some], "ids": [one.item_id for one in some]}
        rows = await store.query(BILLINGS, {"project_id": project_id, **values})
        found |= {row[0]: row[1] for row in rows.rows}
    return [replace(one, billing=found.get(one.item_id, one.billing)) for one in changes]
