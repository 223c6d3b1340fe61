"""Reads the settings from environment variables.

A secret may come from a file named by the variable with `_FILE` behind it. A variable with our
prefix that is no setting is an error, so that a misspelt one is noticed.
"""

from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from schemas.issues import issue_of, one_of
from schemas.settings import LEAST_MEMORY_BYTES, PREFIX, SECRETS, Settings, SettingsError


def load(environ: Mapping[str, str]) -> Settings:
    """Reads settings from environment variables. Raises `SettingsError`.

    A variable that is set but empty counts as not set.
    """
    values: dict[str, str] = {}
    for variable, value in environ.items():
        if not variable.startswith(PREFIX) or not value:
            continue
        name = variable.removeprefix(PREFIX).lower()
        if name.removesuffix("_file") in SECRETS and name.endswith("_file"):
            name, value = name.removesuffix("_file"), _read_secret(variable, value)
        if name not in Settings.__struct_fields__:
            raise SettingsError(f"{variable} is not a setting{_way_out(variable)}")
        values[name] = value
    try:
        settings = msgspec.convert(values, Settings, strict=False)
    except msgspec.ValidationError as error:
        name = str(issue_of(error, Settings).path[0])
        raise SettingsError(f"{PREFIX}{name.upper()}: {_rule(name, values[name])}") from None
    if 0 < settings.memory_bytes < LEAST_MEMORY_BYTES:
        least = f"expected 0, or a whole number from {LEAST_MEMORY_BYTES} on"
        raise SettingsError(f"{PREFIX}MEMORY_BYTES: {least}, not {settings.memory_bytes}")
    return settings


def _way_out(variable: str) -> str:
    if variable.removeprefix(PREFIX).removesuffix("_FILE").lower() in Settings.__struct_fields__:
        return f": only secrets come from a file; set {variable.removesuffix('_FILE')} itself"
    known = [PREFIX + name.upper() for name in Settings.__struct_fields__]
    known += [f"{PREFIX}{name.upper()}_FILE" for name in SECRETS]
    near = get_close_matches(variable, known, n=1, cutoff=0.8)
    asked = f"; did you mean {near[0]}?" if near else ";"
    return f"{asked} docs/settings.md lists them all"


def _rule(name: str, value: str) -> str:
    """Returns what a setting may be, and what it is instead: no secret has a rule."""
    hint = get_type_hints(Settings, include_extras=True)[name]
    hint = get_args(hint)[0] if type(None) in get_args(hint) else hint
    options = get_args(hint) if get_origin(hint) is Literal else ()
    if options:
        near = get_close_matches(value.lower(), [str(one).lower() for one in options], n=1)
        guess = next((f"; did you mean {one}?" for one in options if one.lower() in near), "")
        return f"expected {one_of(options)}, not {value!r}{guess}"
    if hint is bool:
        return f"expected true or false, not {value!r}"
    bounds = next((one for one in get_args(hint) if isinstance(one, Meta)), Meta(ge=0))
    upper = " on" if bounds.le is None else f" to {bounds.le}"
    return f"expected a whole number from {bounds.ge}{upper}, not {value!r}"


def _read_secret(variable: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        why = error.strerror or error
        raise SettingsError(f"{variable}: cannot read the file {path}: {why}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{variable}: the file {path} is no text in UTF-8") from error
