"""The system `errors`, put together from its sub-packages."""

from functools import partial

from alerts.errors.evaluate import Evaluation
from api.errors import issue_changes, issue_events, issues, transactions
from api.errors.agents import account
from api.errors.agents import issues as agent_issues
from api.errors.agents import projects as agent_projects
from api.pages.errors.pages import SECTIONS
from clickhouse.client import Warehouse
from ingest.errors.app import routers
from ingest.errors.forms import checks, forms
from processors.blocks import StoredLog
from processors.errors.grouping.groups import explain, group_of
from processors.errors.ignored import IgnoredIssues
from processors.errors.issues import follower
from processors.errors.masking.mask import mask
from processors.errors.steps import Meaning, steps
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import DEFAULT_CONFIG, Explanation
from schemas.errors.masking import DEFAULT_RULES
from schemas.projects import ProjectId
from sluice.parts import Parts, Resources, System, Work


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    usual = Meaning(partial(mask, rules=DEFAULT_RULES), partial(group_of, config=DEFAULT_CONFIG))

    def meaning_of(_: ProjectId) -> Meaning:
        return usual

    def explain_grouping(_: ProjectId, event: ErrorEvent) -> Explanation:
        return explain(event, DEFAULT_CONFIG)

    def ignored(warehouse: Warehouse, _: StoredLog) -> Work:
        return IgnoredIssues(resources.database, warehouse).work

    def alerting(warehouse: Warehouse, _: StoredLog) -> Work:
        return Evaluation(resources.database, warehouse).work

    follow = follower(resources.database)
    return Parts(
        forms=forms(),
        steps=steps(lambda: meaning_of, follow),
        state={"explain_grouping": explain_grouping},
        alone=(ignored, alerting),
    )


SYSTEM = System(
    open=open_parts,
    routers=routers,
    queries=(*transactions.HANDLERS, *issues.HANDLERS, *issue_events.HANDLERS),
    controls=issue_changes.HANDLERS,
    agents=(*account.HANDLERS, *agent_projects.HANDLERS, *agent_issues.HANDLERS),
    pages=SECTIONS,
    checks=checks(),
)
