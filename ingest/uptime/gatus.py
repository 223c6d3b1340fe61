"""Monitors of Gatus, from its configuration (YAML).

Source: the README of Gatus 5 (https://github.com/TwiN/gatus), read in November 2026. Its rules, and
ours:

1. An endpoint is of the type that its URL says; with `dns` the URL is the server that is asked.
2. What is alerted after `failure-threshold` failures (3) is down then, and up after
   `success-threshold` passes (2): of the first alert.
3. Conditions: `ingest.uptime.gatus_conditions`.
"""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import yaml

from ingest.uptime.gatus_conditions import Conditions, read_conditions
from ingest.uptime.imported import (
    MAX_INTERVAL_S,
    MAX_NAME_CHARS,
    MAX_THRESHOLD,
    SLOWEST_MS,
    Found,
    Imported,
    LeftOut,
    NotReadable,
    Unfit,
    channel_of,
    text_of,
    whole,
)
from ingest.uptime.spans import seconds_of

MAX_FILE_BYTES = 16 << 20
VARIABLE = re.compile(r"\$\$|\$\{(\w+)\}|\$(\w+)")
USUAL_INTERVAL_S = 60
USUAL_TIMEOUT_S = 10
DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
PORTS = {"tls": 443, "starttls": 587}
CHANNEL_FIELDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "slack": ("slack", {"url": "webhook-url"}),
    "discord": ("discord", {"url": "webhook-url"}),
    "mattermost": ("mattermost", {"url": "webhook-url"}),
    "teams": ("teams", {"url": "webhook-url"}),
    "teams-workflows": ("teams", {"url": "webhook-url"}),
    "telegram": ("telegram", {"token": "token", "chat": "id"}),
    "gotify": ("gotify", {"server": "server-url", "token": "token"}),
    "ntfy": ("ntfy", {"server": "url", "topic": "topic", "token": "token"}),
    "pushover": ("pushover", {"user": "user-key", "token": "application-token"}),
    "email": (
        "email",
        {
            **{"host": "host", "port": "port", "user": "username", "password": "password"},
            **{"from": "from", "to": "to"},
        },
    ),
    "custom": ("webhook", {"url": "url"}),
}


def read_gatus(path: Path, environ: Mapping[str, str] = os.environ) -> Imported:
    """Reads a configuration. Raises `NotReadable`."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise NotReadable(f"{path}: a configuration is smaller than {MAX_FILE_BYTES} bytes")
        text = path.read_text(encoding="utf-8")
        said = yaml.safe_load(_filled(text, environ))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, RecursionError) as error:
        raise NotReadable(f"{path}: {str(error)[:500]}") from error
    if not isinstance(said, dict) or not (said.keys() & {"endpoints", "external-endpoints"}):
        raise NotReadable(f"{path}: expected a configuration with endpoints")
    return translate(said)


def translate(said: Mapping[str, Any]) -> Imported:
    """Returns the monitors that ours can be."""
    imported = Imported()
    alerting = _mapping(said.get("alerting"))
    maintenance = said.get("maintenance")
    listed = [
        *((one, _endpoint) for one in said.get("endpoints") or ()),
        *((one, _external) for one in said.get("external-endpoints") or ()),
    ]
    for one, look in listed:
        endpoint = _mapping(one)
        name, notes = _name(endpoint), list[str]()
        try:
            fields = {**look(endpoint, notes), "name": name}
            fields |= _alerts(endpoint, alerting, notes)
            windows = [maintenance, *(endpoint.get("maintenance-windows") or ())]
            found = [window for each in windows if (window := _window(_mapping(each), notes))]
        except (Unfit, KeyError, TypeError, ValueError) as error:
            reason = str(error) if isinstance(error, Unfit) else f"it cannot be read: {error}"
            imported.left_out.append(LeftOut(name, _scheme(endpoint), reason[:300]))
            continue
        if found:
            fields["maintenance_windows"] = found
        paused = endpoint.get("enabled") is False
        imported.found.append(Found(fields, paused, tuple(notes)))
    for suite in said.get("suites") or ():
        name = text_of(_mapping(suite).get("name"))
        imported.left_out.append(LeftOut(name, "suite", "several steps in one look"))
    return imported


def _endpoint(said: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    scheme, client = _scheme(said), _mapping(said.get("client"))
    look = LOOKS.get(scheme)
    if look is None:
        raise Unfit("there is no such type of monitor here")
    conditions = read_conditions([text_of(one) for one in said.get("conditions") or ()])
    notes += conditions.notes
    interval_s = round(seconds_of(said.get("interval"), USUAL_INTERVAL_S))
    timeout_s = seconds_of(client.get("timeout"), USUAL_TIMEOUT_S)
    for name in client.keys() & {"oauth2", "identity-aware-proxy", "proxy-url", "tunnel", "tls"}:
        notes.append(f"client.{name} has no counterpart")
    fields = {
        "interval_seconds": max(1, min(MAX_INTERVAL_S, interval_s)),
        "timeout_ms": max(100, min(SLOWEST_MS, round(timeout_s * 1000))),
        **look(said, client, conditions),
    }
    if conditions.degraded_after_ms:
        fields["degraded_after_ms"] = min(SLOWEST_MS, conditions.degraded_after_ms)
    if conditions.expiry_warning_days:
        fields["expiry_warning_days"] = conditions.expiry_warning_days
    return fields


def _http(
    said: Mapping[str, Any], client: Mapping[str, Any], conditions: Conditions
) -> dict[str, Any]:
    body, headers = text_of(said.get("body")), _mapping(said.get("headers"))
    sent = {str(name): text_of(value) for name, value in headers.items()}
    if said.get("graphql"):
        body = msgspec.json.encode({"query": body}).decode()
        sent.setdefault("Content-Type", "application/json")
    return {
        "type": "http",
        "url": text_of(said.get("url")),
        "method": (text_of(said.get("method")) or "GET").upper(),
        "headers": sent,
        "body": body,
        "follow_redirects": not client.get("ignore-redirect"),
        "verify_tls": not client.get("insecure"),
        # Gatus looks at no status that no condition names.
        "expected_status": conditions.statuses or ["100-599"],
        "assertions": conditions.assertions,
    }


def _tcp(said: Mapping[str, Any], _: Mapping[str, Any], __: Conditions) -> dict[str, Any]:
    parts = urlsplit(text_of(said.get("url")))
    return {"type": "tcp", "host": parts.hostname or "", "port": parts.port or 0}


def _tls(said: Mapping[str, Any], client: Mapping[str, Any], _: Conditions) -> dict[str, Any]:
    parts = urlsplit(text_of(said.get("url")))
    fields = {"type": "tls", "host": parts.hostname or "", "port": parts.port or PORTS["tls"]}
    interval_s = max(60, round(seconds_of(said.get("interval"), USUAL_INTERVAL_S)))
    verified = not client.get("insecure")
    return {**fields, "verify_tls": verified, "interval_seconds": min(MAX_INTERVAL_S, interval_s)}


def _icmp(said: Mapping[str, Any], _: Mapping[str, Any], __: Conditions) -> dict[str, Any]:
    return {"type": "icmp", "host": urlsplit(text_of(said.get("url"))).hostname or ""}


def _dns(said: Mapping[str, Any], _: Mapping[str, Any], conditions: Conditions) -> dict[str, Any]:
    asked = _mapping(said.get("dns"))
    fields: dict[str, Any] = {
        "type": "dns",
        "host": text_of(asked.get("query-name")).rstrip("."),
        "record_type": (text_of(asked.get("query-type")) or "A").upper(),
        "resolver": text_of(said.get("url")).removeprefix("dns://"),
    }
    if conditions.values:
        fields["expected_value"] = list(conditions.values)
        fields["expected_match"] = "subset" if len(conditions.values) > 1 else "contains"
    return fields


LOOKS = {
    "http": _http,
    "https": _http,
    "tcp": _tcp,
    "tls": _tls,
    "icmp": _icmp,
    "dns": _dns,
}


def _external(said: Mapping[str, Any], notes: list[str]) -> dict[str, Any]:
    beat = seconds_of(_mapping(said.get("heartbeat")).get("interval"), 0)
    if not beat:
        raise Unfit("nothing says how often it is told of (heartbeat.interval)")
    notes.append("who tells of it has to call another URL: the ping_url of the monitor")
    return {"type": "heartbeat", "interval_seconds": max(1, round(beat)), "grace_seconds": 60}


def _scheme(said: Mapping[str, Any]) -> str:
    if said.get("dns"):
        return "dns"
    if "url" not in said:
        return "external"
    return urlsplit(text_of(said.get("url"))).scheme or "none"


def _name(said: Mapping[str, Any]) -> str:
    parts = [text_of(said.get(name)) for name in ("group", "name")]
    return " / ".join(part for part in parts if part)[:MAX_NAME_CHARS] or "unnamed"


def _alerts(
    said: Mapping[str, Any], alerting: Mapping[str, Any], notes: list[str]
) -> dict[str, Any]:
    """Returns thresholds and notifications."""
    fields: dict[str, Any] = {}
    urls = []
    for one in said.get("alerts") or ():
        alert = _mapping(one)
        kind = text_of(alert.get("type"))
        provider = {**_mapping(alerting.get(kind)), **_mapping(alert.get("provider-override"))}
        usual = _mapping(provider.get("default-alert"))
        rule = {**usual, **alert}
        if rule.get("enabled") is False:
            continue
        if not fields:
            fields = {
                "failure_threshold": whole(rule.get("failure-threshold"), 3, 1, MAX_THRESHOLD),
                "recovery_threshold": whole(rule.get("success-threshold"), 2, 1, MAX_THRESHOLD),
            }
        of, names = CHANNEL_FIELDS.get(kind, ("", {}))
        url = channel_of(of, {name: provider.get(key) for name, key in names.items()})
        if url is None:
            notes.append(f"no notification by {kind[:40]}")
        else:
            urls.append(url)
    return {**fields, "notifications": urls} if urls else fields


def _window(said: Mapping[str, Any], notes: list[str]) -> dict[str, Any] | None:
    if not said or said.get("enabled") is False or not said.get("start"):
        return None
    days = [text_of(day).capitalize() for day in said.get("every") or ()]
    unknown = set(days) - set(DAYS)
    if unknown:
        notes.append(f"maintenance names a day that is none: {sorted(unknown)[0][:40]}")
        return None
    rule = "FREQ=DAILY"
    if days:
        rule = "FREQ=WEEKLY;BYDAY=" + ",".join(day[:2].upper() for day in days)
    return {
        "rrule": rule,
        "starts_at": f"2024-01-01T{text_of(said['start'])}:00",
        "duration_seconds": round(seconds_of(said.get("duration"), 0)),
        "timezone": text_of(said.get("timezone")) or "UTC",
    }


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _filled(text: str, environ: Mapping[str, str]) -> str:
    """Fills in variables of the environment, as Gatus does; those that are not set stay."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        return "$" if name is None else environ.get(name, match[0])

    return VARIABLE.sub(value, text)
