"""How errors of a project are masked and grouped: shown to members, set by admins."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, cast

import msgspec
import structlog
from litestar import Response, get, post
from litestar.response.redirect import Redirect

from api.auth import AnyRequest, services
from api.pages.errors.settings.lines import (
    listed,
    patterns_in,
    patterns_text,
    rules_in,
    rules_text,
)
from api.pages.forms import Problem, fields_of, told
from api.pages.navigation import Link, Section
from api.pages.render import page
from api.pages.settings.admins import PATH, admins_only, page_of
from api.pages.viewer import Viewed, Viewer
from controlplane.errors.settings import read_settings, write_settings
from controlplane.errors.settings_checks import checked
from controlplane.failures import BadRequest
from schemas.errors.grouping import VERSIONS, GroupingConfig
from schemas.errors.masking import MaskRules
from schemas.errors.settings import MAX_AUTO_RESOLVE_DAYS, ProjectErrorsSettings

ERRORS = f"{PATH}/errors"
MOST_FIELDS = 20
MOST_TRIED = 16_384
Mask = Callable[[bytes, MaskRules], bytes]
"""The state's `mask`."""
FAMILIES = (
    ("names", "Values of fields with sensitive names", "passwords, tokens, cookies, keys"),
    ("tokens", "Keys and tokens by their form", "also private keys, and passwords in addresses"),
    ("cards", "Numbers of payment cards", "checked by their last digit"),
    ("accounts", "IBANs and US social security numbers", ""),
    ("emails", "E-mail addresses", ""),
    ("ips", "IP addresses", "also where the request came from"),
)
PROBLEMS = {
    **{"ownFields": "own", "keptFields": "kept", "ownPatterns": "patterns", "rules": "rules"},
    "autoResolveDays": "days",
}
"""By how what is wrong begins, which field of the form it is."""

log = structlog.get_logger(__name__)


@get(ERRORS, include_in_schema=False)
async def error_settings_page(request: AnyRequest, viewer: Viewed) -> Response[str]:
    """Show what counts."""
    settings = await read_settings(services(request).database, viewer.project.project_id)
    return await _shown(request, viewer, fields=_fields(settings))


@post(ERRORS, include_in_schema=False, status_code=200)
async def change_error_settings(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Set what the form says."""
    admins_only(viewer)
    fields = await fields_of(request, at_most=MOST_FIELDS)
    project_id, by = viewer.project.project_id, viewer.session.account.user_id
    try:
        await write_settings(services(request).database, project_id, _settings(fields))
    except BadRequest as error:
        return await _shown(request, viewer, fields=fields, problem=_problem(error))
    log.info("error settings changed", project_id=project_id, by=by)
    return Redirect(page_of(request, "/errors", saved=1), status_code=303)


@post(f"{ERRORS}/try", include_in_schema=False, status_code=200)
async def try_masking(request: AnyRequest, viewer: Viewed) -> Response[Any]:
    """Show what the form, saved or not, masks in a text. Nothing is kept."""
    admins_only(viewer)
    fields = await fields_of(request, at_most=MOST_FIELDS)
    try:
        rules = checked(_settings(fields)).masking
        text = fields.get("text", "")
        if len(text) > MOST_TRIED:
            raise BadRequest(f"text: expected at most {MOST_TRIED} characters")
        mask = cast("Mask", request.app.state.mask)
        tried = await asyncio.to_thread(_masked, mask, text, rules)
    except BadRequest as error:
        return await _shown(request, viewer, fields=fields, problem=_problem(error))
    return await _shown(request, viewer, fields=fields, tried=tried)


SECTION = Section(
    "",
    (),
    (error_settings_page, change_error_settings, try_masking),
    settings=(Link("Errors", "settings/errors"),),
)


def _masked(mask: Mask, text: str, rules: MaskRules) -> str:
    """Masks a text; one that is JSON as an event, any other as the message of one."""
    if text.lstrip().startswith("{"):
        try:
            return mask(text.encode(), rules).decode()
        except msgspec.DecodeError:
            pass
    item = mask(msgspec.json.encode({"message": text}), rules)
    return msgspec.json.decode(item, type=dict[str, str])["message"]


def _settings(fields: Mapping[str, str]) -> ProjectErrorsSettings:
    version = fields.get("version", "")
    if version not in VERSIONS:
        raise BadRequest(f"version: expected one of {', '.join(VERSIONS)}")
    masking = MaskRules(
        own_fields=listed(fields.get("own", "")),
        kept_fields=listed(fields.get("kept", "")),
        own_patterns=patterns_in(fields.get("patterns", "")),
        **{name: name in fields for name, _, _ in FAMILIES},
    )
    grouping = GroupingConfig(version=version, rules=rules_in(fields.get("rules", "")))
    return ProjectErrorsSettings(masking, grouping, _days(fields.get("days", "").strip()))


def _days(text: str) -> int | None:
    if not text:
        return None
    days = int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 0
    if not 1 <= days <= MAX_AUTO_RESOLVE_DAYS:
        expected = f"a number of 1 to {MAX_AUTO_RESOLVE_DAYS}, or nothing"
        raise BadRequest(f"autoResolveDays: expected {expected}, and not {text[:20]!r}")
    return days


def _fields(settings: ProjectErrorsSettings) -> dict[str, str]:
    masking, grouping = settings.masking, settings.grouping
    return {
        **{name: "1" for name, _, _ in FAMILIES if getattr(masking, name)},
        "own": "\n".join(masking.own_fields),
        "kept": "\n".join(masking.kept_fields),
        "patterns": patterns_text(masking.own_patterns),
        "version": grouping.version,
        "rules": rules_text(grouping.rules),
        "days": "" if settings.auto_resolve_days is None else str(settings.auto_resolve_days),
    }


def _problem(error: BadRequest) -> Problem:
    begins, _, rule = error.message.partition(": ")
    field = PROBLEMS.get(begins, begins)
    return Problem(told(rule, None), field) if rule else Problem(error.message)


async def _shown(
    request: AnyRequest,
    viewer: Viewer,
    *,
    fields: Mapping[str, str],
    problem: Problem | None = None,
    tried: str | None = None,
) -> Response[str]:
    return await page(
        request,
        "settings/errors.html",
        status_code=400 if problem else 200,
        fields=fields,
        families=FAMILIES,
        versions=VERSIONS,
        problem=problem,
        tried=tried,
    )
