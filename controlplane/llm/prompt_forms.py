"""What may be said of a prompt that is kept. Pure."""

import re
from collections.abc import Sequence

import msgspec

from controlplane.failures import BadRequest
from controlplane.llm.prompt_models import MAX_LABEL_CHARS, MAX_MESSAGE_CHARS, MAX_NAME_CHARS
from schemas.llm.prompts import LATEST, PromptForm, PromptMessage, Text

MAX_BYTES = 40_000
"""Of what a prompt says, as JSON: a request brings 64 KiB."""
MAX_CONFIG_BYTES = 10_000
MAX_MESSAGES = 50
MAX_LABELS = 20
ROLES = ("system", "developer", "user", "assistant")
_NAME = re.compile(rf"[A-Za-z0-9](?:[A-Za-z0-9 ._-]{{0,{MAX_NAME_CHARS - 2}}}[A-Za-z0-9._-])?")
_LABEL = re.compile(rf"[a-z0-9][a-z0-9._-]{{0,{MAX_LABEL_CHARS - 1}}}")


class Checked(msgspec.Struct, frozen=True):
    """A new version, as it is stored."""

    name: str
    body: str
    config: str
    labels: tuple[str, ...]
    message: str


def checked(form: PromptForm) -> Checked:
    """Return what is stored of a form; raises `BadRequest`, which names the field."""
    name = form.name.strip()
    if not is_name(name):
        rule = "A-Z, a-z, 0-9, blanks and ._-, no blank or sign first"
        raise BadRequest(f"name: expected 1 to {MAX_NAME_CHARS} of {rule}")
    message = form.message.strip()
    if len(message) > MAX_MESSAGE_CHARS:
        raise BadRequest(f"message: expected at most {MAX_MESSAGE_CHARS} characters")
    _check_text(form.prompt)
    body, config = _json("prompt", form.prompt), _json("config", form.config)
    if len(body) > MAX_BYTES:
        raise BadRequest(f"prompt: expected at most {MAX_BYTES:,} bytes as JSON")
    if len(config) > MAX_CONFIG_BYTES:
        raise BadRequest(f"config: expected at most {MAX_CONFIG_BYTES:,} bytes as JSON")
    return Checked(name, body.decode(), config.decode(), labels_of(form.labels), message)


def is_name(text: str) -> bool:
    """Tell whether a prompt may be called so."""
    return _NAME.fullmatch(text) is not None


def is_label(text: str) -> bool:
    """Tell whether a label may be called so."""
    return _LABEL.fullmatch(text) is not None


def labels_of(labels: Sequence[str]) -> tuple[str, ...]:
    """Return labels that somebody may set, each once; raises `BadRequest`."""
    if len(labels) > MAX_LABELS:
        raise BadRequest(f"labels: expected at most {MAX_LABELS}")
    for label in labels:
        if not is_label(label):
            rule = f"1 to {MAX_LABEL_CHARS} of a-z, 0-9 and ._-"
            raise BadRequest(f"labels: expected {rule}")
        if label == LATEST:
            raise BadRequest(f"labels: {LATEST} is always that of the newest version")
    return tuple(dict.fromkeys(labels))


def _check_text(prompt: Text) -> None:
    if isinstance(prompt, str):
        if not prompt.strip():
            raise BadRequest("prompt: expected a text")
        return
    if not 1 <= len(prompt) <= MAX_MESSAGES:
        raise BadRequest(f"prompt: expected 1 to {MAX_MESSAGES} messages")
    for one in prompt:
        _check_message(one)


def _check_message(message: PromptMessage) -> None:
    if message.role not in ROLES:
        raise BadRequest(f"prompt: expected one of {', '.join(ROLES)} as role")


def _json(field: str, value: object) -> bytes:
    try:
        text = msgspec.json.encode(value)
    except (UnicodeEncodeError, RecursionError) as error:
        raise BadRequest(f"{field}: not to be written as JSON") from error
    if b"\\u0000" in text:
        raise BadRequest(f"{field}: expected no character 0")
    return text
