"""The page of alerts. Members see it; admins make, change, try and remove rules and channels."""

from collections.abc import Mapping
from typing import Any

import structlog
from litestar import Response, get, post
from litestar.params import FromPath
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.errors.alert_channels import try_channel
from api.pages.errors.alerts.forms import (
    KINDS,
    NEW,
    RULE_TYPES,
    UNITS,
    Texts,
    channel_in,
    channel_texts,
    rule_in,
    rule_texts,
    shown_again,
)
from api.pages.forms import Problem, problem_of, ticks_of, typed_word
from api.pages.render import address_of, page
from api.pages.settings.admins import admins_only
from api.pages.viewer import Viewed, Viewer
from controlplane.channels import (
    add_channel,
    list_channels,
    remove_channel,
    replace_channel,
)
from controlplane.errors.alert_outbox import list_deliveries
from controlplane.errors.alert_rules import add_rule, list_rules, remove_rule, replace_rule
from controlplane.failures import BadRequest, Conflict, ControlPlaneError, NotFound
from schemas.channels import Channel
from schemas.errors.alert_answers import AlertTest
from schemas.errors.alerts import Rule

ALERTS = "/errors/alerts"
RULE = f"{ALERTS}/rules/{{rule_id:str}}"
CHANNEL = f"{ALERTS}/channels/{{channel_id:str}}"
MOST_FIELDS = 80
"""Each of a project's channels is one."""
RULE_FIELDS = {
    "name": "name",
    "thresholdCount": "threshold_count",
    "thresholdWindow": "threshold_window",
    "cooldownMinutes": "cooldown_minutes",
    "description": "description",
    "ruleType": "rule_type",
    "query.levels": "levels",
    "query.environments": "environments",
    "query.tags": "tags",
    "query.transactionName": "transaction_name",
}

CHANNEL_FIELDS = {
    "name": "channel_name",
    "kind": "kind",
    "config": "target",
    "url": "target",
    "webhookUrl": "target",
    "recipients": "target",
    "Invalid email": "target",
    "integrationKey": "target",
    "secret": "secret",
}

log = structlog.get_logger(__name__)


@get(ALERTS, include_in_schema=False)
async def alerts_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show the rules, the channels, and what went out."""
    return await _shown(request, viewer)


@post(f"{ALERTS}/rules", include_in_schema=False, status_code=200)
async def make_rule(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a rule."""
    admins_only(viewer)
    texts = await ticks_of(request, MOST_FIELDS)
    project_id = viewer.project.project_id
    try:
        rule_id = await add_rule(services(request).database, project_id, rule_in(texts))
    except (BadRequest, Conflict) as error:
        problem = problem_of(error, RULE_FIELDS, texts)
        return await _shown(request, viewer, texts=texts, problem=problem)
    log.info("alert rule made", project_id=project_id, rule_id=rule_id)
    return _back(request)


@get(RULE, include_in_schema=False)
async def rule_page(request: AnyRequest, viewer: Viewed, rule_id: FromPath[str]) -> Response[str]:
    """Show one rule, to change."""
    return await _rule_shown(request, viewer, await _rule(request, viewer, rule_id))


@post(RULE, include_in_schema=False, status_code=200)
async def change_rule(request: AnyRequest, viewer: Viewed, rule_id: FromPath[str]) -> Response[Any]:
    """Change a rule to what the form says."""
    admins_only(viewer)
    texts = await ticks_of(request, MOST_FIELDS)
    rule, project_id = await _rule(request, viewer, rule_id), viewer.project.project_id
    try:
        await replace_rule(services(request).database, project_id, rule.id, rule_in(texts))
    except BadRequest as error:
        problem = problem_of(error, RULE_FIELDS, texts)
        return await _rule_shown(request, viewer, rule, texts=texts, problem=problem)
    return _back(request)


@post(f"{RULE}/remove", include_in_schema=False, status_code=200)
async def unmake_rule(request: AnyRequest, viewer: Viewed, rule_id: FromPath[str]) -> Response[Any]:
    """Remove a rule, whose name the form repeats."""
    admins_only(viewer)
    rule = await _rule(request, viewer, rule_id)
    if await typed_word(request) != rule.name:
        return await _rule_shown(request, viewer, rule, problem=_not_removed(rule.name))
    await remove_rule(services(request).database, viewer.project.project_id, rule.id)
    return _back(request)


@post(f"{ALERTS}/channels", include_in_schema=False, status_code=200)
async def make_channel(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Make a channel."""
    admins_only(viewer)
    state, texts = services(request), await ticks_of(request, MOST_FIELDS)
    project_id = viewer.project.project_id
    try:
        await add_channel(state.database, state.vault, project_id, channel_in(texts))
    except (BadRequest, Conflict) as error:
        problem = _channel_problem(error, texts)
        return await _shown(request, viewer, channel_texts=texts, channel_problem=problem)
    return _back(request)


@get(CHANNEL, include_in_schema=False)
async def channel_page(
    request: AnyRequest, viewer: Viewed, channel_id: FromPath[str]
) -> Response[str]:
    """Show one channel, to change."""
    return await _channel_shown(request, await _channel(request, viewer, channel_id))


@post(CHANNEL, include_in_schema=False, status_code=200)
async def change_channel(
    request: AnyRequest, viewer: Viewed, channel_id: FromPath[str]
) -> Response[Any]:
    """Change a channel; what the form leaves empty stays as it is."""
    admins_only(viewer)
    state, texts = services(request), await ticks_of(request, MOST_FIELDS)
    channel, project_id = await _channel(request, viewer, channel_id), viewer.project.project_id
    try:
        form = channel_in(texts)
        await replace_channel(state.database, state.vault, project_id, channel.id, form)
    except BadRequest as error:
        problem = _channel_problem(error, texts)
        return await _channel_shown(request, channel, texts=texts, problem=problem)
    return _back(request)


@post(f"{CHANNEL}/test", include_in_schema=False, status_code=200)
async def test_channel(
    request: AnyRequest, viewer: Viewed, channel_id: FromPath[str]
) -> Response[Any]:
    """Send a test through a channel, and show what came of it."""
    admins_only(viewer)
    tested = await try_channel(request, viewer.project.project_id, channel_id)
    return await _shown(request, viewer, tested=(channel_id, tested))


@post(f"{CHANNEL}/remove", include_in_schema=False, status_code=200)
async def unmake_channel(
    request: AnyRequest, viewer: Viewed, channel_id: FromPath[str]
) -> Response[Any]:
    """Remove a channel, whose name the form repeats."""
    admins_only(viewer)
    channel = await _channel(request, viewer, channel_id)
    if await typed_word(request) != channel.name:
        return await _shown(request, viewer, channel_problem=_not_removed(channel.name))
    await remove_channel(services(request).database, viewer.project.project_id, channel.id)
    return _back(request)


HANDLERS = (
    *(alerts_page, make_rule, rule_page, change_rule, unmake_rule),
    *(make_channel, channel_page, change_channel, test_channel, unmake_channel),
)


def _back(request: AnyRequest) -> Redirect:
    return Redirect(address_of(request).page("errors/alerts"), status_code=303)


def _channel_problem(error: ControlPlaneError, texts: Texts) -> Problem:
    """What is wrong with a channel. Of what was typed only the name is told: the rest is secret."""
    return problem_of(error, CHANNEL_FIELDS, {"channel_name": texts.get("channel_name", [""])})


def _not_removed(name: str) -> Problem:
    return Problem(f"Nothing was removed: type the name, {name}, to remove it.")


async def _rule(request: AnyRequest, viewer: Viewer, rule_id: str) -> Rule:
    rules = await list_rules(services(request).database, viewer.project.project_id)
    found = next((rule for rule in rules if rule.id == rule_id.lower()), None)
    if found is None:
        raise NotFound("There is no such rule: it may be removed already")
    return found


async def _channel(request: AnyRequest, viewer: Viewer, channel_id: str) -> Channel:
    channels = await list_channels(services(request).database, viewer.project.project_id)
    found = next((one for one in channels if one.id == channel_id.lower()), None)
    if found is None:
        raise NotFound("There is no such channel: it may be removed already")
    return found


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
    channel_texts: Texts | None = None,
    channel_problem: Problem | None = None,
    tested: tuple[str, AlertTest] | None = None,
) -> Response[str]:
    database, project_id = services(request).database, viewer.project.project_id
    return await page(
        request,
        "errors/alerts.html",
        status_code=400 if problem or channel_problem else 200,
        rules=await list_rules(database, project_id),
        channels=await list_channels(database, project_id),
        deliveries=await list_deliveries(database, project_id),
        fields=NEW if texts is None else shown_again(texts),
        problem=problem,
        channel_fields={} if channel_texts is None else shown_again(channel_texts),
        channel_problem=channel_problem,
        tested=tested,
        **_words(),
    )


async def _rule_shown(
    request: AnyRequest,
    viewer: Viewer,
    rule: Rule,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    channels = await list_channels(services(request).database, viewer.project.project_id)
    return await page(
        request,
        "errors/alert_rule.html",
        status_code=400 if problem else 200,
        rule=rule,
        channels=channels,
        fields=rule_texts(rule) if texts is None else shown_again(texts),
        problem=problem,
        **_words(),
    )


async def _channel_shown(
    request: AnyRequest,
    channel: Channel,
    *,
    texts: Texts | None = None,
    problem: Problem | None = None,
) -> Response[str]:
    return await page(
        request,
        "errors/alert_channel.html",
        status_code=400 if problem else 200,
        channel=channel,
        fields=channel_texts(channel) if texts is None else shown_again(texts),
        problem=problem,
        **_words(),
    )


def _words() -> Mapping[str, Any]:
    return {
        "rule_types": RULE_TYPES,
        "type_words": dict(RULE_TYPES),
        "kinds": KINDS,
        "units": UNITS,
    }
