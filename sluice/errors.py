"""The system `errors`, put together from its sub-packages."""

from functools import partial

from alerts.errors.evaluate import Evaluation
from api.errors import (
    alert_channels,
    alert_rules,
    attachments,
    check_ins,
    feedback,
    issue_changes,
    issue_events,
    issues,
    transactions,
)
from api.errors import settings as setting
from api.errors.agents import account
from api.errors.agents import issues as agent_issues
from api.errors.agents import projects as agent_projects
from api.errors.agents import reading as agent_reading
from api.pages.errors.pages import SECTIONS
from clickhouse.client import Warehouse
from ingest.errors.app import routers
from ingest.errors.attachments import AttachmentLimits
from ingest.errors.forms import checks, forms
from processors.blocks import StoredLog
from processors.errors.grouping.groups import explain, group_of
from processors.errors.ignored import IgnoredIssues
from processors.errors.issues import follower
from processors.errors.masking.mask import mask
from processors.errors.settings import ErrorsSettings
from processors.errors.steps import Meaning, MeaningOf, steps
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import Explanation
from schemas.errors.settings import ProjectErrorsSettings
from schemas.projects import ProjectId
from schemas.settings import Settings
from sluice.parts import Parts, Resources, System, Work


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    settings = ErrorsSettings(resources.database)

    def meaning() -> MeaningOf:
        known = settings.current()
        return lambda project_id: meaning_by(known.of(project_id))

    def explain_grouping(project_id: ProjectId, event: ErrorEvent) -> Explanation:
        return explain(event, settings.of(project_id).grouping)

    def ignored(warehouse: Warehouse, _: StoredLog) -> Work:
        return IgnoredIssues(resources.database, warehouse).work

    def alerting(warehouse: Warehouse, _: StoredLog) -> Work:
        return Evaluation(resources.database, warehouse).work

    follow = follower(resources.database)
    return Parts(
        forms=forms(_attachments(resources.settings)),
        steps=steps(meaning, follow),
        state={"explain_grouping": explain_grouping, "mask": mask},
        refresh=(settings.refresh,),
        alone=(ignored, alerting),
    )


def _attachments(settings: Settings) -> AttachmentLimits:
    # What is longer than an item may be, Kafka would not take.
    most = min(settings.max_attachment_bytes, settings.max_item_bytes)
    return AttachmentLimits(most, settings.max_envelope_attachment_bytes)


def meaning_by(settings: ProjectErrorsSettings) -> Meaning:
    """Returns what the settings of a project make of its events."""
    return Meaning(
        partial(mask, rules=settings.masking),
        partial(group_of, config=settings.grouping),
        keeps_addresses=not settings.masking.ips,
    )


SYSTEM = System(
    open=open_parts,
    routers=routers,
    queries=(
        *(*transactions.HANDLERS, *issues.HANDLERS, *issue_events.HANDLERS),
        *(*feedback.HANDLERS, *attachments.HANDLERS, *check_ins.HANDLERS),
    ),
    controls=(
        *issue_changes.HANDLERS,
        *setting.HANDLERS,
        *alert_rules.HANDLERS,
        *alert_channels.HANDLERS,
    ),
    agents=(
        *(*account.HANDLERS, *agent_projects.HANDLERS, *agent_issues.HANDLERS),
        *agent_reading.HANDLERS,
    ),
    pages=SECTIONS,
    checks=checks(),
)
