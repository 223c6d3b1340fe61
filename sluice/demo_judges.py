"""The judges of the demo: two rules. Made once."""

from controlplane.database import Database
from controlplane.llm.judges import add_judge, list_judges
from schemas.llm.judges import JudgedCalls, JudgeForm, LatencyRule, RegexRule
from schemas.projects import ProjectId

FORMS = (
    JudgeForm(
        name="refuses nothing",
        rule=RegexRule(pattern="(?i)(sorry|cannot|can't|unable to)", negate=True),
        calls=JudgedCalls(status="success"),
    ),
    JudgeForm(name="within 3 s", rule=LatencyRule(ms=3000.0)),
)


async def set_judges(database: Database, project_id: ProjectId) -> None:
    """Makes those that are not there."""
    names = {judge.name for judge in await list_judges(database, project_id)}
    for form in FORMS:
        if form.name not in names:
            await add_judge(database, project_id, form)
