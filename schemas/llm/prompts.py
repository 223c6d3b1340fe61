"""Names of prompts, and prompts that are kept: what people write, and what programs fetch."""

import re
from typing import Any, Literal

from msgspec import Struct

FOUND = "auto:"
"""Begins the name of a prompt that was found in traffic, and that nobody named."""
OTHER = f"{FOUND}other"
"""Stands for prompts, and for versions, of which there were too many."""

LATEST, PRODUCTION = "latest", "production"
"""The label of the newest version, which nobody moves; and that of the one to be used."""
VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][A-Za-z0-9_.-]{0,63})\s*\}\}")


def is_found(prompt: str) -> bool:
    """Tells whether a prompt was found in traffic, and named by nobody."""
    return prompt.startswith(FOUND)


class PromptMessage(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message of a prompt that is a chat; `{{name}}` in it stands for a value."""

    role: str
    content: str


Text = str | tuple[PromptMessage, ...]
"""What a prompt says: a text, or the messages of a chat."""


class PromptForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A new version of a prompt, as people write it."""

    name: str
    prompt: Text
    config: dict[str, Any] = {}
    """What a program needs beside it, as the model and its parameters."""
    labels: tuple[str, ...] = ()
    """Labels that this version is to have; another version loses them."""
    message: str = ""
    """What is new in it."""


class LabelForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which version a label is moved to."""

    version: int


class KeptPrompt(Struct, frozen=True, kw_only=True):
    """One version of a prompt that is kept. It never changes, but for its labels."""

    name: str
    version: int
    type: Literal["text", "chat"]
    prompt: Text
    config: dict[str, Any]
    labels: tuple[str, ...]
    variables: tuple[str, ...]
    """The names in `{{…}}`, in order."""
    message: str
    author: str
    created_at: str


class PromptVersionLine(Struct, frozen=True, kw_only=True):
    """One version without what it says."""

    version: int
    labels: tuple[str, ...]
    message: str
    author: str
    created_at: str


class PromptLine(Struct, frozen=True, kw_only=True):
    """A prompt that is kept, without its versions."""

    name: str
    latest: int
    """The number of the newest version."""
    labels: dict[str, int]
    """Which version has which label."""
    created_at: str
    updated_at: str


class PromptList(Struct, frozen=True):
    """All prompts that are kept, by name."""

    prompts: list[PromptLine]


class PromptVersionList(Struct, frozen=True):
    """The versions of a prompt, the newest first."""

    name: str
    versions: list[PromptVersionLine]


class LangfusePrompt(Struct, frozen=True, rename="camel", kw_only=True):
    """The same as `KeptPrompt`, in the form that Langfuse's SDKs read."""

    name: str
    version: int
    type: Literal["text", "chat"]
    prompt: Text
    config: dict[str, Any]
    labels: tuple[str, ...]
    tags: tuple[str, ...] = ()
    commit_message: str | None = None
    resolution_graph: None = None


def variables_of(prompt: Text) -> tuple[str, ...]:
    """Returns the names in `{{…}}`, each once, in order."""
    texts = (prompt,) if isinstance(prompt, str) else [one.content for one in prompt]
    return tuple(dict.fromkeys(name for text in texts for name in VARIABLE.findall(text)))


PROMPT = {
    "name": "support",
    "prompt": "You are the support agent of {{company}}. Be kind.",
    "config": {"model": "gpt-4o-mini", "temperature": 0.2},
    "labels": ["production"],
    "message": "Ask for kindness",
}
