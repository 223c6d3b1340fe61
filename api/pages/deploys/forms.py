"""An app's form: what it shows of a configuration, and the configuration that it means. Pure.

The token and the targets of notifications are never shown again: an empty token, and a sign in
place of a target, mean what there is.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from api.deploys.notifications import targets_of
from api.deploys.project_forms import changed
from api.pages.deploys.fields import FIELDS, Field
from api.pages.forms import Problem, told
from api.pages.parts.targets import meant_lines, shown_lines
from controlplane.failures import BadRequest, ControlPlaneError
from schemas.deploys.apps import AppConfig, AppSecrets
from schemas.deploys.forms import NotificationForm, ProjectChangeForm

WHOLE = re.compile(r"\d{1,9}", re.ASCII)
AT_FIELD = re.compile(r" - at `\$\.(\w+)")
OF_NOTICES = ("notifications", "notify_on_success", "notify_on_failure")
FORGET_TOKEN = "forget_token"
Typed = Mapping[str, Sequence[str]]
Form = TypeVar("Form")


def texts_of(config: AppConfig, secrets: AppSecrets) -> dict[str, str]:
    """Returns what the form shows of an app."""
    texts = {}
    for field in FIELDS:
        value = getattr(config, field.name, "")
        if isinstance(value, bool):
            texts[field.name] = "1" if value else ""
        else:
            texts[field.name] = str(value)
    return texts | {"notifications": "\n".join(shown_lines(secrets.notifications))}


def meant(
    config: AppConfig,
    secrets: AppSecrets,
    typed: Typed,
    *,
    among: Collection[Field],
    private_allowed: bool,
) -> tuple[AppConfig, AppSecrets]:
    """Returns an app with what a form of some fields says of it. Raises `BadRequest`."""
    found = {field.name: _value(field, typed) for field in among if _is_said(field, typed)}
    notices = {name: found.pop(name) for name in OF_NOTICES if name in found}
    form = _converted(found, ProjectChangeForm)
    config, secrets = changed(config, secrets, form, private_allowed=private_allowed)
    if typed.get(FORGET_TOKEN):
        secrets = replace(secrets, git_token="")
    for name in ("notify_on_success", "notify_on_failure"):
        config = replace(config, **{name: notices[name]}) if name in notices else config
    if "notifications" in notices:
        lines = meant_lines(notices["notifications"], secrets.notifications, "notifications")
        asked = {"project_id": "-", "notifications": lines}
        targets = targets_of(secrets.notifications, _converted(asked, NotificationForm))
        secrets = replace(secrets, notifications=targets)
    return config, secrets


def problem_in(error: ControlPlaneError, typed: Typed) -> Problem:
    """Returns what is wrong with a form, at its field."""
    at = AT_FIELD.search(error.message)
    name, colon, rule = error.message.partition(": ")
    field = next((one for one in FIELDS if one.name == (at[1] if at else name)), None)
    if field is None or not (at or colon):
        return Problem(error.message)
    value = None if field.kind in ("secret", "lines") else _last(typed, field.name).strip()
    if at:
        rule = f"expected: {field.help}".rstrip(".") if field.help else error.message[: at.start()]
    return Problem(told(rule, value), field.name)


def again(texts: Mapping[str, str], typed: Typed) -> dict[str, str]:
    """Returns what a form shows that was sent and not taken; a token is typed once more."""
    kept = dict.fromkeys(texts, "") | {name: values[-1] for name, values in typed.items()}
    return kept | {"git_token": ""}


def _is_said(field: Field, typed: Typed) -> bool:
    """Tells whether a form says something of a field: a box without a tick is not sent."""
    if field.kind == "check":
        return True
    text = _last(typed, field.name).strip()
    return field.name in typed and bool(text or field.kind not in ("secret", "number"))


def _value(field: Field, typed: Typed) -> Any:
    if field.kind == "check":
        return field.name in typed
    text = _last(typed, field.name).replace("\r\n", "\n").strip()
    if field.kind != "number":
        return text
    if WHOLE.fullmatch(text) is None:
        raise BadRequest(f"{field.name}: expected a whole number")
    return int(text)


def _converted(fields: Mapping[str, Any], form: type[Form]) -> Form:
    try:
        return msgspec.convert(fields, form)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from error


def _last(typed: Typed, name: str) -> str:
    return typed[name][-1] if typed.get(name) else ""
