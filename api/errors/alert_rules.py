"""`/dashboard/api/alert-rules`, `alert-deliveries`: when alerts go out, and what went out."""

from datetime import timedelta

from litestar import delete, get, post, put
from litestar.params import FromPath
from litestar.status_codes import HTTP_200_OK, HTTP_201_CREATED
from litestar.types import ControllerRouterHandler

from api.account_forms import iso_ms
from api.auth import AnyRequest, admin_project_from_session, project_from_session, services
from api.bodies import body_of
from api.sessions import Done
from controlplane.errors.alert_outbox import list_deliveries
from controlplane.errors.alert_rules import add_rule, list_rules, remove_rule, replace_rule
from schemas.described import describes
from schemas.errors.alert_answers import (
    AlertDeliveries,
    AlertDeliveryAnswer,
    AlertRuleAnswer,
    AlertRules,
)
from schemas.errors.alerts import Delivery, Rule, RuleForm
from schemas.projects import ProjectId
from schemas.times import EPOCH

RULE = {
    "name": "Too many errors",
    "ruleType": "issue.count_threshold",
    "query": {"levels": ["error", "fatal"]},
    "thresholdWindow": 60,
    "thresholdCount": 100,
    "environment": "production",
    "cooldownMinutes": 30,
}


@get("/alert-rules", summary="List alert rules", opt=describes(asks="project"))
async def show_alert_rules(request: AnyRequest) -> AlertRules:
    """Return the rules of the project in `X-Project-Id`, for its members."""
    project = await project_from_session(request)
    rules = await list_rules(services(request).database, project.project_id)
    return AlertRules([rule_answer(rule) for rule in rules])


@post(
    "/alert-rules",
    status_code=HTTP_201_CREATED,
    summary="Make an alert rule",
    opt=describes(body=RuleForm, example=RULE, asks="project", errors=(409,)),
)
async def post_alert_rule(request: AnyRequest) -> AlertRuleAnswer:
    """Make a rule, for admins. It tells the channels in `channelIds`."""
    project = await admin_project_from_session(request)
    form = await body_of(request, RuleForm)
    rule_id = await add_rule(services(request).database, project.project_id, form)
    return await _answer(request, project.project_id, rule_id)


@put(
    "/alert-rules/{rule_id:str}",
    summary="Replace an alert rule",
    opt=describes(body=RuleForm, example=RULE, asks="project"),
)
async def put_alert_rule(request: AnyRequest, rule_id: FromPath[str]) -> AlertRuleAnswer:
    """Change a rule to what is sent, for admins. What is left out is as it is by default."""
    project = await admin_project_from_session(request)
    form = await body_of(request, RuleForm)
    await replace_rule(services(request).database, project.project_id, rule_id, form)
    return await _answer(request, project.project_id, rule_id)


@delete(
    "/alert-rules/{rule_id:str}",
    status_code=HTTP_200_OK,
    summary="Remove an alert rule",
    opt=describes(asks="project"),
)
async def delete_alert_rule(request: AnyRequest, rule_id: FromPath[str]) -> Done:
    """Remove a rule with its messages, for admins."""
    project = await admin_project_from_session(request)
    await remove_rule(services(request).database, project.project_id, rule_id)
    return Done()


@get("/alert-deliveries", summary="List what alerts went out", opt=describes(asks="project"))
async def show_alert_deliveries(request: AnyRequest) -> AlertDeliveries:
    """Return the 200 newest messages of the project, the newest first, for its members."""
    project = await project_from_session(request)
    found = await list_deliveries(services(request).database, project.project_id)
    return AlertDeliveries([_delivery_answer(one) for one in found])


HANDLERS: tuple[ControllerRouterHandler, ...] = (
    *(show_alert_rules, post_alert_rule, put_alert_rule, delete_alert_rule),
    show_alert_deliveries,
)


def time_of(us: int) -> str:
    """Writes a time of the control plane."""
    return iso_ms(EPOCH + timedelta(microseconds=us))


def rule_answer(rule: Rule) -> AlertRuleAnswer:
    """Returns a rule as it is answered."""
    fields = {name: getattr(rule, name) for name in RuleForm.__struct_fields__}
    return AlertRuleAnswer(
        **fields,
        id=rule.id,
        state=rule.state,
        last_fired_at=None if rule.last_fired_us is None else time_of(rule.last_fired_us),
        created_at=time_of(rule.created_us),
    )


async def _answer(request: AnyRequest, project_id: ProjectId, rule_id: str) -> AlertRuleAnswer:
    rules = await list_rules(services(request).database, project_id)
    return next(rule_answer(rule) for rule in rules if rule.id == rule_id.lower())


def _delivery_answer(one: Delivery) -> AlertDeliveryAnswer:
    return AlertDeliveryAnswer(
        id=one.id,
        rule_id=one.rule_id,
        rule_name=one.rule_name,
        channel_id=one.channel_id,
        channel_name=one.channel_name,
        subject=one.subject,
        state=one.state,
        attempts=one.attempts,
        last_status=one.last_status,
        last_error=one.last_error,
        created_at=time_of(one.created_us),
        delivered_at=None if one.delivered_us is None else time_of(one.delivered_us),
    )
