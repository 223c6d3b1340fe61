"""The system `llm`, put together from its sub-packages."""

from collections.abc import Callable

from litestar import Router
from litestar.types import AnyCallable

from alerts.llm.budgets import BudgetEvaluation
from alerts.llm.judges import JudgeTroubles
from api.auth import AnyRequest, entered
from api.llm import (
    analytics,
    annotation,
    annotation_changes,
    budget_anomalies,
    budget_changes,
    budgets,
    by_token,
    costs,
    dataset_changes,
    datasets,
    experiments,
    judge_changes,
    judges,
    langfuse,
    models,
    prices,
    prompt_analytics,
    prompt_changes,
    prompts,
    retention,
    score_analytics,
    scores,
    spans,
    subjects,
    traces,
)
from api.llm.exporting import EXPORTS
from api.pages.llm.pages import SECTIONS
from clickhouse.client import Warehouse
from clickhouse.llm.spans import SPANS
from clickhouse.llm.traces import TRACES
from controlplane.database import Database
from controlplane.failures import Forbidden
from ingest.llm import annotations, langfuse_batch
from ingest.llm.annotation_app import Annotator, router
from ingest.llm.app import routers
from ingest.llm.forms import checks, forms
from ingest.llm.score_removals import Remover, person_router
from ingest.llm.score_senders import PublicLimits
from processors.blocks import StoredLog
from processors.llm import key_days
from processors.llm.cost.targets import why_no_target
from processors.llm.costs import explain_span, explain_trace
from processors.llm.pricing import Pricing
from processors.llm.reprice import Repricing
from processors.llm.steps import steps
from schemas.kinds import SPAN, TRACE
from schemas.llm.answers import SpanAnswer, TraceAnswer
from schemas.llm.costs import CostAnswer
from schemas.llm.prices import Alias, PriceDocument
from schemas.projects import ProjectId
from sluice.judging import judge_parts
from sluice.parts import Parts, Resources, System, Work
from sluice.upkeep import at_most


async def annotator_from_session(request: AnyRequest) -> Annotator:
    """Returns the person who is signed in; raises `Forbidden` for what an API key opened."""
    session, access = await entered(request)
    if session.key_access is not None:
        raise Forbidden("Forbidden: people annotate; sign in with email and password")
    return Annotator(access.project, session.account.user_id, session.account.email)


async def remover_from_session(request: AnyRequest) -> Remover:
    """Returns who is signed in, and whether they are an admin of the project."""
    session, access = await entered(request)
    return Remover(access.project, session.account.user_id, access.role == "admin")


def every_router(by_key: AnyCallable, by_session: AnyCallable) -> list[Router]:
    """Returns the routes that take items in."""
    return [
        *routers(by_key, by_session),
        router(annotator_from_session),
        person_router(remover_from_session),
    ]


def open_parts(resources: Resources) -> Parts:
    """Reads the price table. Raises `PriceTableError`."""
    database = resources.database
    pricing = resources.pricing
    judging = judge_parts(resources)

    def explain_cost(project_id: ProjectId, row: TraceAnswer | SpanAnswer) -> CostAnswer:
        book = pricing.current().of(project_id)
        return explain_trace(book, row) if isinstance(row, TraceAnswer) else explain_span(book, row)

    def check_target(held: PriceDocument, alias: Alias) -> str | None:
        return why_no_target(pricing.current().listed, held, alias)

    return Parts(
        forms={**forms(), **annotations.forms(), **langfuse_batch.forms()},
        steps=steps(pricing.current, templates=resources.templates, follow=resources.judged.follow),
        state={
            "explain_cost": explain_cost,
            "pricing": pricing,
            "check_target": check_target,
            "public_scores": PublicLimits(),
            "judge_trying": judging.trying,
        },
        refresh=(pricing.refresh, resources.judged.refresh),
        alone=(*_works(database, pricing), *judging.works),
        keepers={"calls": lambda warehouse: key_days.KeyDays(database, warehouse).keep},
    )


def _works(
    database: Database, pricing: Pricing
) -> tuple[Callable[[Warehouse, StoredLog], Work], ...]:
    """Returns what one process of the installation does, beside the judges."""

    def repricing(warehouse: Warehouse, event_log: StoredLog) -> Work:
        return Repricing(database, warehouse, event_log, pricing).work

    def keeping(warehouse: Warehouse, event_log: StoredLog) -> Work:
        return at_most(key_days.KeyDays(database, warehouse).work, every_s=key_days.EVERY_S)

    def budgeting(warehouse: Warehouse, _: StoredLog) -> Work:
        return BudgetEvaluation(database, warehouse).work

    def telling(_: Warehouse, __: StoredLog) -> Work:
        return JudgeTroubles(database).work

    return (repricing, keeping, budgeting, telling)


SYSTEM = System(
    open=open_parts,
    routers=every_router,
    queries=(
        *(*traces.HANDLERS, *spans.HANDLERS, *costs.HANDLERS),
        *(*analytics.HANDLERS, *models.HANDLERS, *scores.HANDLERS),
        *(*score_analytics.HANDLERS, *budgets.HANDLERS),
        *(*budget_anomalies.HANDLERS, *annotation.HANDLERS),
        *(*subjects.HANDLERS, *retention.HANDLERS),
        *(*datasets.HANDLERS, *dataset_changes.HANDLERS, *experiments.HANDLERS),
        *(*judges.HANDLERS, *prompt_analytics.HANDLERS, *prompts.HANDLERS),
    ),
    controls=(
        *(*prices.HANDLERS, *budget_changes.CONTROLS),
        *(*annotation_changes.CONTROLS, *judge_changes.CONTROLS, *prompt_changes.CONTROLS),
    ),
    agents=(
        *by_token.HANDLERS,
        *budgets.BY_TOKEN,
        *budget_anomalies.BY_TOKEN,
        *(*budget_changes.AGENTS, *annotation.BY_TOKEN, *annotation_changes.AGENTS),
        *(*datasets.BY_TOKEN, *experiments.BY_TOKEN),
        *(*judges.BY_TOKEN, *judge_changes.AGENTS),
        *(*prompt_analytics.BY_TOKEN, *prompts.BY_TOKEN, *prompt_changes.AGENTS),
    ),
    own_routers=langfuse.routers,
    pages=SECTIONS,
    checks=checks(),
    tables={TRACE.name: TRACES, SPAN.name: SPANS},
    exports=EXPORTS,
)
