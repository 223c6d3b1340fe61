"""Monitors of Uptime Kuma, from its backup (JSON) or its database (`kuma.db`).

Sources: `server/model/monitor.js`, `db/knex_init_db.js` and the patches of `db/` of Uptime Kuma
1.23 and 2.0, read in November 2026. Its rules, and ours:

1. A monitor is down after `maxretries` looks more; one that passes ends it.
2. A monitor in a group that is not active is not active.
3. Of what it looks at, what we have no type for is left out, and said.
"""

import base64
import re
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from ingest.uptime.imported import (
    MAX_INTERVAL_S,
    MAX_NAME_CHARS,
    MAX_RETRY_S,
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
from ingest.uptime.kuma_windows import window_of

SQLITE = b"SQLite format 3\0"
MAX_BACKUP_BYTES = 256 << 20
RENAMED = {
    "ignore_tls": "ignoreTls",
    "upside_down": "upsideDown",
    "retry_interval": "retryInterval",
    "invert_keyword": "invertKeyword",
    "json_path": "jsonPath",
    "json_path_operator": "jsonPathOperator",
    "expected_value": "expectedValue",
    "auth_method": "authMethod",
    "accepted_statuscodes_json": "accepted_statuscodes",
}
"""Columns that the backup calls otherwise."""
PATH = re.compile(r"\$?\.?((?:[\w-]+|\[\d+\])(?:\.[\w-]+|\[\d+\])*)")
OPERATORS = {
    "==": ("equals", False),
    "!=": ("equals", True),
    ">": ("greater_than", False),
    "<": ("less_than", False),
    "contains": ("contains", False),
}
REASONS = {
    "group": "a group looks at nothing itself",
    "push": "",
    "manual": "its state is set by hand",
}
CHANNEL_FIELDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "telegram": ("telegram", {"token": "telegramBotToken", "chat": "telegramChatID"}),
    "discord": ("discord", {"url": "discordWebhookUrl"}),
    "slack": ("slack", {"url": "slackwebhookURL"}),
    "mattermost": ("mattermost", {"url": "mattermostWebhookUrl"}),
    "teams": ("teams", {"url": "webhookUrl"}),
    "gotify": ("gotify", {"server": "gotifyserverurl", "token": "gotifyapplicationToken"}),
    "ntfy": (
        "ntfy",
        {
            **{"server": "ntfyserverurl", "topic": "ntfytopic", "user": "ntfyusername"},
            **{"password": "ntfypassword", "token": "ntfyaccesstoken"},
        },
    ),
    "smtp": (
        "email",
        {
            **{"host": "smtpHost", "port": "smtpPort", "user": "smtpUsername"},
            **{"password": "smtpPassword", "from": "smtpFrom", "to": "smtpTo"},
        },
    ),
    "pushover": ("pushover", {"user": "pushoveruserkey", "token": "pushoverapptoken"}),
    "webhook": ("webhook", {"url": "webhookURL"}),
}
Row = Mapping[str, Any]


class Kuma(msgspec.Struct):
    """What a file of Uptime Kuma holds."""

    monitors: list[dict[str, Any]]
    notifications: dict[str, dict[str, Any]]
    """By id."""
    chosen: dict[str, list[str]]
    """Ids of notifications, by monitor."""
    windows: dict[str, list[dict[str, Any]]]
    """Rows of maintenance, by monitor."""


def read_kuma(path: Path) -> Imported:
    """Reads a backup or a database. Raises `NotReadable`."""
    try:
        with path.open("rb") as file:
            head = file.read(len(SQLITE))
        kuma = _read_database(path) if head == SQLITE else _read_backup(path)
    except (OSError, sqlite3.Error, msgspec.DecodeError) as error:
        raise NotReadable(f"{path}: {error}") from error
    return translate(kuma)


def translate(kuma: Kuma) -> Imported:
    """Returns the monitors that ours can be."""
    imported = Imported()
    by_id = {text_of(row.get("id")): row for row in kuma.monitors}
    for row in kuma.monitors:
        name, kind = text_of(row.get("name")) or "unnamed", text_of(row.get("type"))
        try:
            imported.found.append(_monitor(kuma, row, by_id, name))
        except Unfit as error:
            imported.left_out.append(LeftOut(name, kind, str(error)))
        except (ValueError, TypeError, AttributeError) as error:
            imported.left_out.append(LeftOut(name, kind, f"it cannot be read: {error}"[:300]))
    return imported


def _monitor(kuma: Kuma, row: Row, by_id: Mapping[str, Row], name: str) -> Found:
    kind = text_of(row.get("type"))
    look = LOOKS.get(kind)
    if look is None:
        raise Unfit(REASONS.get(kind) or "there is no such type of monitor here")
    if _is_true(row.get("upsideDown")):
        raise Unfit("it is upside down: it is up when nothing answers")
    notes: list[str] = []
    fields = {"name": name[:MAX_NAME_CHARS], **_pace(row, notes), **look(row, notes)}
    own = text_of(row.get("id"))
    urls = _channels(kuma, own, notes)
    windows = _windows(kuma, own, notes)
    if urls:
        fields["notifications"] = urls
    if windows:
        fields["maintenance_windows"] = windows
    return Found(fields, paused=not _is_active(row, by_id), notes=tuple(notes))


def _pace(row: Row, notes: list[str]) -> dict[str, Any]:
    interval_s = whole(row.get("interval"), 60, 1, MAX_INTERVAL_S)
    if whole(row.get("interval"), 60, 1, 10**9) > MAX_INTERVAL_S:
        notes.append("it is looked at once a day, not less often")
    timeout_s = float(text_of(row.get("timeout")) or 0) or 0.8 * interval_s
    return {
        "interval_seconds": interval_s,
        "timeout_ms": max(100, min(SLOWEST_MS, round(timeout_s * 1000))),
        "failure_threshold": whole(row.get("maxretries"), 0, 0, MAX_THRESHOLD - 1) + 1,
        "recovery_threshold": 1,
        "retry_interval_seconds": whole(row.get("retryInterval"), 0, 0, MAX_RETRY_S),
    }


def _http(row: Row, notes: list[str]) -> dict[str, Any]:
    method = text_of(row.get("authMethod")) or "basic"
    if method not in ("basic", "null"):
        raise Unfit(f"it signs in by {method}")
    if text_of(row.get("proxyId") or row.get("proxy_id")):
        notes.append("it goes without its proxy")
    fields: dict[str, Any] = {
        "type": "http",
        "url": text_of(row.get("url")),
        "method": (text_of(row.get("method")) or "GET").upper(),
        "headers": _headers(row),
        "body": text_of(row.get("body")),
        "follow_redirects": whole(row.get("maxredirects"), 10, 0, 10) > 0,
        "verify_tls": not _is_true(row.get("ignoreTls")),
        "expected_status": [str(one) for one in _listed(row.get("accepted_statuscodes"))],
    }
    return fields


def _keyword(row: Row, notes: list[str]) -> dict[str, Any]:
    one = {
        "source": "body",
        "comparison": "contains",
        "value": text_of(row.get("keyword")),
        "negated": _is_true(row.get("invertKeyword")),
    }
    return {**_http(row, notes), "assertions": [one]}


def _json_query(row: Row, notes: list[str]) -> dict[str, Any]:
    said = text_of(row.get("jsonPath")).strip()
    match = PATH.fullmatch(said)
    operator = OPERATORS.get(text_of(row.get("jsonPathOperator")) or "==")
    if match is None or operator is None:
        raise Unfit(f"its query has no counterpart: {said[:100]}")
    comparison, negated = operator
    value: Any = text_of(row.get("expectedValue"))
    if comparison in ("greater_than", "less_than"):
        try:
            value = float(value)
        except ValueError:
            raise Unfit("its query compares with what is no number") from None
    path = re.sub(r"\[(\d+)\]", r".\1", match[1]).strip(".")
    one = {"source": "json", "comparison": comparison, "path": path, "value": value}
    return {**_http(row, notes), "assertions": [{**one, "negated": negated}]}


def _tcp(row: Row, _: list[str]) -> dict[str, Any]:
    port = whole(row.get("port"), 0, 0, 65_535)
    return {"type": "tcp", "host": text_of(row.get("hostname")), "port": port}


def _ping(row: Row, _: list[str]) -> dict[str, Any]:
    return {"type": "icmp", "host": text_of(row.get("hostname"))}


def _dns(row: Row, _: list[str]) -> dict[str, Any]:
    port = whole(row.get("port"), 53, 1, 65_535)
    server = text_of(row.get("dns_resolve_server")).partition(",")[0].strip()
    at = f"[{server}]:{port}" if ":" in server else f"{server}:{port}"
    return {
        "type": "dns",
        "host": text_of(row.get("hostname")),
        "record_type": (text_of(row.get("dns_resolve_type")) or "A").upper(),
        "resolver": server if port == 53 or not server else at,
    }


def _push(row: Row, notes: list[str]) -> dict[str, Any]:
    notes.append("its job has to call another URL: the ping_url of the monitor")
    retries = whole(row.get("maxretries"), 0, 0, 1000)
    grace_s = max(60, retries * whole(row.get("retryInterval"), 60, 0, MAX_INTERVAL_S))
    return {"type": "heartbeat", "failure_threshold": 1, "grace_seconds": grace_s}


LOOKS = {
    "http": _http,
    "keyword": _keyword,
    "json-query": _json_query,
    "port": _tcp,
    "ping": _ping,
    "dns": _dns,
    "push": _push,
}


def _headers(row: Row) -> dict[str, str]:
    said = row.get("headers")
    if isinstance(said, str) and said.strip():
        try:
            said = msgspec.json.decode(said)
        except msgspec.DecodeError:
            raise Unfit("its headers are no JSON") from None
    headers = {str(name): str(value) for name, value in (said or {}).items()}
    user = text_of(row.get("basic_auth_user"))
    if user:
        login = f"{user}:{text_of(row.get('basic_auth_pass'))}"
        headers["Authorization"] = f"Basic {base64.b64encode(login.encode()).decode()}"
    return headers


def _channels(kuma: Kuma, own: str, notes: list[str]) -> list[str]:
    urls = []
    for number in kuma.chosen.get(own, ()):
        config = kuma.notifications.get(number)
        if config is None:
            continue
        kind, names = CHANNEL_FIELDS.get(text_of(config.get("type")), ("", {}))
        url = channel_of(kind, {name: config.get(of) for name, of in names.items()})
        if url is None:
            notes.append(f"no notification by {text_of(config.get('type'))[:40]}")
        else:
            urls.append(url)
    return urls


def _windows(kuma: Kuma, own: str, notes: list[str]) -> list[dict[str, Any]]:
    windows = []
    for row in kuma.windows.get(own, ()):
        window, note = window_of(row)
        if window is not None:
            windows.append(window)
        if note:
            notes.append(note)
    return windows


def _is_active(row: Row, by_id: Mapping[str, Row]) -> bool:
    seen: set[str] = set()
    one: Row | None = row
    while one is not None and (own := text_of(one.get("id"))) not in seen:
        if not _is_true(one.get("active", True)) or _is_true(one.get("forceInactive")):
            return False
        seen.add(own)
        one = by_id.get(text_of(one.get("parent")))
    return True


def _is_true(value: object) -> bool:
    return value not in (None, False, 0, "", "0", "false")


def _listed(value: object) -> list[Any]:
    if isinstance(value, str):
        try:
            value = msgspec.json.decode(value)
        except msgspec.DecodeError:
            return []
    return value if isinstance(value, list) else []


def _read_backup(path: Path) -> Kuma:
    if path.stat().st_size > MAX_BACKUP_BYTES:
        raise NotReadable(f"{path}: a backup is smaller than {MAX_BACKUP_BYTES} bytes")
    said = msgspec.json.decode(path.read_bytes())
    if not isinstance(said, dict) or not isinstance(said.get("monitorList"), list | dict):
        raise NotReadable(f"{path}: expected a backup with monitorList, or a database kuma.db")
    listed = said["monitorList"]
    monitors = [one for one in (listed.values() if isinstance(listed, dict) else listed) if one]
    chosen = {
        text_of(one.get("id")): [
            number for number, is_on in (one.get("notificationIDList") or {}).items() if is_on
        ]
        for one in monitors
    }
    notifications = {
        text_of(one.get("id")): _config(one.get("config"))
        for one in said.get("notificationList") or ()
    }
    return Kuma(monitors, notifications, chosen, {})


def _read_database(path: Path) -> Kuma:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    try:
        monitors = [
            {RENAMED.get(name, name): row[name] for name in row.keys()}  # noqa: SIM118 - a Row
            for row in connection.execute("SELECT * FROM monitor ORDER BY id")
        ]
        notifications = {
            text_of(row["id"]): _config(row["config"])
            for row in connection.execute("SELECT id, config FROM notification")
        }
        chosen: dict[str, list[str]] = {}
        pairs = "SELECT monitor_id, notification_id FROM monitor_notification ORDER BY id"
        for monitor_id, number in connection.execute(pairs):
            chosen.setdefault(text_of(monitor_id), []).append(text_of(number))
        return Kuma(monitors, notifications, chosen, _read_windows(connection))
    finally:
        connection.close()


def _read_windows(connection: sqlite3.Connection) -> dict[str, list[dict[str, Any]]]:
    tables = {row[0] for row in connection.execute("SELECT name FROM sqlite_master")}
    if not {"maintenance", "monitor_maintenance"} <= tables:
        return {}
    found: dict[str, list[dict[str, Any]]] = {}
    query = (
        "SELECT monitor_maintenance.monitor_id AS of_monitor, maintenance.* FROM maintenance"
        " JOIN monitor_maintenance ON monitor_maintenance.maintenance_id = maintenance.id"
        " WHERE maintenance.active ORDER BY maintenance.id"
    )
    for row in connection.execute(query):
        found.setdefault(text_of(row["of_monitor"]), []).append(dict(row))
    return found


def _config(value: object) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(value) if isinstance(value, str) else value
    except msgspec.DecodeError:
        return {}
    return said if isinstance(said, dict) else {}
