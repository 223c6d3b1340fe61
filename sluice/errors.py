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
    logs,
    releases,
    source_maps,
    transactions,
)
from api.errors import settings as setting
from api.errors.agents import account
from api.errors.agents import alerts as agent_alerts
from api.errors.agents import issues as agent_issues
from api.errors.agents import reading as agent_reading
from api.errors.agents import releases as agent_releases
from api.errors.exporting import EXPORTS
from api.errors.sentry_cli import assembling, uploads
from api.errors.sentry_cli import deploys as cli_deploys
from api.errors.sentry_cli import releases as cli_releases
from api.pages.errors.pages import SECTIONS
from clickhouse.client import Warehouse
from controlplane.database import Database
from ingest.errors.app import routers
from ingest.errors.forms import checks, forms
from processors.blocks import StoredLog
from processors.errors.aging import OldIssues
from processors.errors.grouping.groups import explain, group_of
from processors.errors.ignored import IgnoredIssues
from processors.errors.issues import follower
from processors.errors.masking.mask import mask
from processors.errors.releases import release_follower
from processors.errors.settings import ErrorsSettings
from processors.errors.source_maps.expiry import ExpiredMaps
from processors.errors.source_maps.explaining import Stored, explain_frames
from processors.errors.source_maps.mapping import SourceMaps
from processors.errors.steps import Meaning, MeaningOf, steps
from processors.uptime.feeding import feeder
from schemas.errors.event import ErrorEvent
from schemas.errors.grouping import Explanation
from schemas.errors.settings import ProjectErrorsSettings
from schemas.errors.source_maps import ExplainedFrames
from schemas.projects import ProjectId
from sluice.limits import attachment_limits_of
from sluice.parts import Parts, Resources, System, Work


def open_parts(resources: Resources) -> Parts:
    """Makes what a process needs of it."""
    settings = resources.errors_settings
    maps = SourceMaps(resources.database)
    kept = resources.settings

    def meaning() -> MeaningOf:
        known = settings.current()
        return lambda project_id: meaning_by(known.of(project_id))

    def explain_grouping(project_id: ProjectId, event: ErrorEvent) -> Explanation:
        return explain(event, settings.of(project_id).grouping)

    def ignored(warehouse: Warehouse, _: StoredLog) -> Work:
        return IgnoredIssues(resources.database, warehouse).work

    def aging(_: Warehouse, __: StoredLog) -> Work:
        return OldIssues(resources.database).work

    def alerting(warehouse: Warehouse, _: StoredLog) -> Work:
        return Evaluation(resources.database, warehouse).work

    def expiring(_: Warehouse, __: StoredLog) -> Work:
        return ExpiredMaps(resources.database, kept.source_maps_days).work

    followers = follower(resources.database), release_follower(resources.database)
    return Parts(
        forms=forms(attachment_limits_of(resources.settings)),
        steps=steps(meaning, *followers, maps, feeder(resources.database)),
        state={
            "explain_grouping": explain_grouping,
            "mask": mask,
            "explain_source_maps": partial(explained, resources.database, maps, settings),
            "uploads": uploads.Uploads(kept.source_maps_max_bytes),
        },
        refresh=(settings.refresh, maps.refresh),
        alone=(ignored, aging, alerting, expiring),
    )


async def explained(
    database: Database,
    maps: SourceMaps,
    settings: ErrorsSettings,
    *of: *tuple[ProjectId, ErrorEvent, int],
) -> ExplainedFrames:
    """Returns what source maps make of an event of a project that came at a time."""
    project_id, event, received_us = of
    stored = Stored(event, received_us, meaning_by(settings.of(project_id)).mask)
    return await explain_frames(database, maps, project_id, stored)


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
        *(*logs.HANDLERS, *releases.QUERIES, *source_maps.HANDLERS),
        *(*feedback.HANDLERS, *attachments.HANDLERS, *check_ins.HANDLERS),
    ),
    controls=(
        *issue_changes.HANDLERS,
        *setting.HANDLERS,
        *alert_rules.HANDLERS,
        *alert_channels.HANDLERS,
        *releases.CONTROLS,
    ),
    agents=(
        *(*account.HANDLERS, *agent_issues.HANDLERS),
        *(*agent_reading.HANDLERS, *agent_releases.HANDLERS, *agent_alerts.HANDLERS),
    ),
    sentry_cli=(
        *(*cli_releases.HANDLERS, *cli_deploys.HANDLERS),
        *(*uploads.HANDLERS, *assembling.HANDLERS),
    ),
    pages=SECTIONS,
    checks=checks(),
    exports=EXPORTS,
)
