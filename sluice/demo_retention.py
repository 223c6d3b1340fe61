"""What the demo keeps: traces with errors and expensive ones for longer, of others a sample."""

from controlplane.database import Database
from controlplane.retention_policies import find_policy, set_policy
from schemas.projects import ProjectId
from schemas.retention import NOTHING_SET, KeepRule, RetentionChange

CHANGE = RetentionChange(
    kinds={"logs": 30, "calls": 180, "agent_spans": 180, "otel_spans": 180},
    rules=(KeepRule("error", 400), KeepRule("cost", 400, "0.5"), KeepRule("scored", 400)),
    sample_from_days=60,
    sample_percent=25,
)


async def set_retention(database: Database, project_id: ProjectId) -> None:
    """Says so, where nothing is said: the demo's rows are younger than all of it."""
    if (await find_policy(database, project_id)).policy == NOTHING_SET:
        await set_policy(database, project_id, CHANGE, by="sluice demo")
