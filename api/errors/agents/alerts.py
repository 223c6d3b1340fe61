"""`/api/v1/alerts/rules`: alert rules, for holders of tokens. Those of admins change them."""

from litestar import get, patch, post
from litestar.params import FromPath
from litestar.status_codes import HTTP_201_CREATED
from msgspec import Struct
from msgspec.structs import asdict

from api.account_forms import read_form
from api.auth import AnyRequest, services
from api.bodies import body_of
from api.errors.alert_rules import RULE, rule_answer
from api.holders import holder_in, project_in, projects_in
from controlplane.api_tokens import TokenHolder, project_for
from controlplane.errors.alert_rules import add_rule, list_rules_of, switch_rule
from controlplane.failures import BadRequest, NotFound
from schemas.described import describes
from schemas.errors.alert_answers import ReachedRule, ReachedRules
from schemas.errors.alerts import Rule, RuleForm

BAD_SWITCH = "enabled: expected true or false"


class Switch(Struct, frozen=True):
    """Whether a rule is on."""

    enabled: bool | None = None


@get("/alerts/rules", opt=describes(asks="token"))
async def list_reached_rules(request: AnyRequest) -> ReachedRules:
    """Answer the alert rules of all projects of the token."""
    holder = await holder_in(request)
    return ReachedRules([_answer(rule) for rule in await _rules(request, holder)])


@get("/alerts/rules/{rule_id:str}", opt=describes(asks="token"))
async def show_reached_rule(request: AnyRequest, rule_id: FromPath[str]) -> ReachedRule:
    """Answer one alert rule."""
    return _answer(await _rule(request, await holder_in(request), rule_id))


@post(
    "/projects/{project_id:str}/alerts/rules",
    status_code=HTTP_201_CREATED,
    opt=describes(body=RuleForm, example=RULE, asks="token", errors=(409,)),
)
async def make_reached_rule(request: AnyRequest, project_id: FromPath[str]) -> ReachedRule:
    """Make an alert rule in a project, for admins. It tells the channels in `channelIds`."""
    holder, reached = await project_in(request, project_id, needs="admin")
    form = await body_of(request, RuleForm)
    owner = reached.access.project.project_id
    rule_id = await add_rule(services(request).database, owner, form)
    return _answer(await _rule(request, holder, rule_id))


@patch(
    "/alerts/rules/{rule_id:str}",
    opt=describes(body=Switch, example={"enabled": False}, asks="token"),
)
async def switch_reached_rule(request: AnyRequest, rule_id: FromPath[str]) -> ReachedRule:
    """Switch an alert rule on or off, for admins."""
    holder = await holder_in(request, needs="admin")
    rule = await _rule(request, holder, rule_id)
    database = services(request).database
    await project_for(database, holder, rule.project_id, needs="admin")
    enabled = (await read_form(request, Switch, otherwise=BAD_SWITCH)).enabled
    if enabled is None:
        raise BadRequest(BAD_SWITCH)
    await switch_rule(database, rule.project_id, rule.id, enabled=enabled)
    return _answer(await _rule(request, holder, rule.id))


HANDLERS = (list_reached_rules, show_reached_rule, make_reached_rule, switch_reached_rule)


async def _rules(request: AnyRequest, holder: TokenHolder) -> list[Rule]:
    reached = await projects_in(request, holder)
    ids = [one.access.project.project_id for one in reached]
    return await list_rules_of(services(request).database, ids)


async def _rule(request: AnyRequest, holder: TokenHolder, rule_id: str) -> Rule:
    rules = await _rules(request, holder)
    found = next((rule for rule in rules if rule.id == rule_id.lower()), None)
    if found is None:
        raise NotFound("Alert rule not found")
    return found


def _answer(rule: Rule) -> ReachedRule:
    return ReachedRule(**asdict(rule_answer(rule)), project_id=rule.project_id)
