"""A form of an escalation policy: what it shows, and the policy that it means. Pure."""

import re
from collections.abc import Mapping, Sequence

import msgspec

from api.pages.forms import Problem, told
from api.pages.parts.targets import meant_lines, shown_lines
from controlplane.failures import BadRequest, ControlPlaneError
from schemas.uptime.escalation import MAX_STEPS, PolicyForm

MORE_STEPS = 2
"""Empty ones that a form has beside those that there are."""
LEAST_STEPS = 3
WHOLE = re.compile(r"\d{1,7}", re.ASCII)
OF_STEP = re.compile(r"steps\[(\d+)\](?:\.(\w+))?(?:\[\d+\])?: ")
AT = re.compile(r" - at `\$\.(\w+)(?:\[(\d+)\]\.(\w+))?")
AFTER, NOTIFICATIONS = "after_", "notifications_"
HELP: Mapping[str, str] = {
    "name": "expected 1 to 100 characters",
    "repeat_count": "expected 0 to 20",
    "remind_after_seconds": "expected 60 to 86400",
    AFTER: "expected 0 to 604800",
    NOTIFICATIONS: "expected 1 to 50 lines",
}


def new_policy_texts() -> dict[str, str]:
    """Returns what the form of a new policy shows."""
    return {"name": "", "repeat_count": "0", "remind_after_seconds": "1800", f"{AFTER}0": "0"}


def policy_texts(form: PolicyForm) -> dict[str, str]:
    """Returns what the form shows of a policy; of a secret only that it is there."""
    texts = {
        "name": form.name,
        "repeat_count": str(form.repeat_count),
        "remind_after_seconds": str(form.remind_after_seconds),
    }
    shown = iter(shown_lines(targets_of(form)))
    for number, step in enumerate(form.steps):
        texts[f"{AFTER}{number}"] = str(step.after_seconds)
        texts[f"{NOTIFICATIONS}{number}"] = "\n".join(next(shown) for _ in step.notifications)
    return texts


def count_steps(texts: Mapping[str, str]) -> int:
    """Returns how many steps a form has: those that say something, and some more."""
    used = [
        int(name.removeprefix(NOTIFICATIONS))
        for name, text in texts.items()
        if name.startswith(NOTIFICATIONS) and text.strip()
    ]
    return min(MAX_STEPS, max(LEAST_STEPS, max(used, default=-1) + 1 + MORE_STEPS))


def policy_in(typed: Mapping[str, str], before: PolicyForm | None = None) -> PolicyForm:
    """Returns the policy that a form means; a step without targets is left out.

    `before` is what is kept where the form says so. Raises `BadRequest`.
    """
    known = targets_of(before) if before else []
    steps = []
    for number in _numbers(typed):
        field = f"{NOTIFICATIONS}{number}"
        targets = meant_lines(typed[field], known, field)
        after = typed.get(f"{AFTER}{number}", "").strip() or "0"
        steps.append({"after_seconds": _whole(after, f"{AFTER}{number}"), "notifications": targets})
    fields = {
        "name": typed.get("name", "").strip(),
        "steps": steps,
        "repeat_count": _whole(typed.get("repeat_count", ""), "repeat_count"),
        "remind_after_seconds": _whole(
            typed.get("remind_after_seconds", ""), "remind_after_seconds"
        ),
    }
    if not steps:
        raise BadRequest(f"{NOTIFICATIONS}0: expected somebody to tell")
    try:
        return msgspec.convert(fields, PolicyForm)
    except msgspec.ValidationError as error:
        raise BadRequest(str(error)) from error


def problem_of_policy(error: ControlPlaneError, typed: Mapping[str, str]) -> Problem:
    """Returns what is wrong with a form, at its field; of targets nothing is told again."""
    text = error.message
    used = _numbers(typed)
    if match := AT.search(text):
        name = match[1] if match[2] is None else f"{match[3]}_"
        name = AFTER if name == "after_seconds_" else name
        field = name if match[2] is None else f"{name}{used[int(match[2])]}"
        rule = HELP.get(name, "this is not what is expected here")
    elif match := OF_STEP.match(text):
        field, rule = f"{NOTIFICATIONS}{used[int(match[1])]}", text[match.end() :]
    elif text.startswith("steps: "):
        field, rule = f"{AFTER}{used[-1]}", "expected no step to be before the one above it"
    else:
        field, colon, rule = text.partition(": ")
        if not colon or not re.fullmatch(r"\w+", field):
            return Problem(f"{text}.", "name" if "is called" in text else "")
    is_secret = field.startswith(NOTIFICATIONS)
    return Problem(told(rule, None if is_secret else typed.get(field, "").strip()), field)


def targets_of(form: PolicyForm) -> list[str]:
    """Returns the targets of all steps, in order."""
    return [text for step in form.steps for text in step.notifications]


def _numbers(typed: Mapping[str, str]) -> Sequence[int]:
    """Returns the steps of a form that name somebody."""
    return [n for n in range(MAX_STEPS) if typed.get(f"{NOTIFICATIONS}{n}", "").strip()]


def _whole(text: str, field: str) -> int:
    if not WHOLE.fullmatch(text.strip()):
        raise BadRequest(f"{field}: expected a whole number")
    return int(text)
