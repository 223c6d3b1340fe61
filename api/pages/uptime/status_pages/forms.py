"""What the form of a status page holds, as texts, and the page that it means. Pure."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from schemas.uptime.monitors import Monitor
from schemas.uptime.status_pages import PageConfig

Texts = Mapping[str, Sequence[str]]
NEW: Mapping[str, Any] = {"time_zone": "UTC"}
FIELDS = {
    **{"slug": "slug", "title": "title", "home_url": "home_url", "time_zone": "time_zone"},
    **{"logo": "logo", "description": "description"},
}
"""By how what is wrong begins, which field it is."""
OF_PATH = {"$.title": "title", "$.slug": "slug", "$.description": "description"}


class Row(NamedTuple):
    """A monitor in the form, and under which name and in which group it is shown, if it is."""

    monitor_id: str
    name: str
    is_shown: bool
    public_name: str
    group: str


def page_texts(config: PageConfig) -> Mapping[str, Any]:
    """Returns what the form of a page shows, beside its monitors."""
    texts: dict[str, Any] = {
        name: getattr(config, name)
        for name in ("title", "slug", "description", "home_url", "time_zone")
    }
    ticks = {"published": config.published, "shows_response_times": config.shows_response_times}
    return texts | {name: "1" for name, is_set in ticks.items() if is_set}


def shown_again(texts: Texts) -> Mapping[str, Any]:
    """Returns what a form shows that was sent and not taken."""
    return {name: values[-1] for name, values in texts.items()}


def rows_of(monitors: Sequence[Monitor], config: PageConfig | None) -> list[Row]:
    """Returns the monitors: those of the page first, in its order, then the others."""
    names = {str(one.monitor_id): one.config.name for one in monitors}
    groups = () if config is None else config.groups
    shown = [
        Row(one.monitor_id, names[one.monitor_id], True, one.name, group.name)
        for group in groups
        for one in group.monitors
        if one.monitor_id in names
    ]
    known = {row.monitor_id for row in shown}
    others = [Row(one, name, False, "", "") for one, name in names.items() if one not in known]
    return shown + others


def rows_again(rows: Sequence[Row], texts: Texts) -> list[Row]:
    """Returns the monitors as a form had them that was not taken."""
    return [
        row._replace(
            is_shown=row.monitor_id in texts.get("monitors", ()),
            public_name=_text(texts, f"name-{row.monitor_id}"),
            group=_text(texts, f"group-{row.monitor_id}"),
        )
        for row in rows
    ]


def fields_in(texts: Texts, rows: Sequence[Row]) -> dict[str, Any]:
    """Returns the configuration that a form means; groups are in the order of their first row."""
    groups: dict[str, list[dict[str, str]]] = {}
    for row in rows_again(rows, texts):
        if row.is_shown:
            monitor = {"monitor_id": row.monitor_id, "name": row.public_name}
            groups.setdefault(row.group, []).append(monitor)
    names = ("title", "slug", "description", "home_url", "time_zone")
    return {
        **{name: _text(texts, name) for name in names},
        "published": "published" in texts,
        "shows_response_times": "shows_response_times" in texts,
        "groups": [{"name": name, "monitors": some} for name, some in groups.items()],
    }


def _text(texts: Texts, name: str) -> str:
    return texts[name][-1].strip() if name in texts else ""
