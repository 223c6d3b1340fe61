"""What happened to an issue, in words; and what its state means."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from api.pages.parts.texts import moment
from schemas.errors.issues import ActivityRow, IssueRow


class Happened(NamedTuple):
    """One thing that happened."""

    at_us: int
    text: str


def history_of(
    issue: IssueRow, rows: Sequence[ActivityRow], names: Mapping[str, str], zone: str
) -> list[Happened]:
    """Returns what happened, as it was given. `names` are those of members, by their ids.

    Of the first event this is what is known by now: an older one may have arrived later.
    """
    return [
        _first_of(issue, row)
        if row.kind == "created"
        else Happened(row.at_us, _told(row, names, zone))
        for row in rows
    ]


def state_text(row: IssueRow, names: Mapping[str, str], zone: str) -> str:
    """Returns what a state that is not plain means; empty for one that is."""
    if row.status == "resolved":
        by = names.get(row.resolved_by or "")
        release = _released(row.resolution, row.resolved_in_release)
        return f"Resolved{release}{f' by {by}' if by else ''}. {REOPENS}"
    if row.status == "ignored":
        until = (row.ignored_until_us, row.ignored_until_events, row.ignored_until_people)
        return f"Ignored {_until(*until, zone)}."
    if row.regressed_us is not None:
        times = f", {row.times_regressed} times so far" if row.times_regressed > 1 else ""
        return f"It was resolved and happened again at {moment(row.regressed_us, zone)}{times}."
    return ""


def _first_of(issue: IssueRow, row: ActivityRow) -> Happened:
    release = issue.first_release or row.data.get("release")
    text = "First event" + (f", in {release}" if release else "")
    return Happened(min(issue.first_seen_us, row.at_us), text)


REOPENS = "An event that is not of an older release opens it again."


def _told(row: ActivityRow, names: Mapping[str, str], zone: str) -> str:
    who = row.user_name or (names.get(row.user_id, "Somebody") if row.user_id else "")
    data = row.data
    if row.kind == "assigned":
        to = data.get("userId")
        name = names.get(str(to), "somebody") if to else "nobody"
        return _by(who, f"assigned it to {name}", f"It was assigned to {name}")
    if row.kind == "resolved" and data.get("afterDays"):
        return f"It was resolved automatically: not seen for {data['afterDays']} days"
    if row.kind == "resolved":
        release = _released(data.get("resolution"), data.get("release"))
        return _by(who, f"resolved it{release}", f"It was resolved{release}")
    if row.kind == "ignored":
        until = _until(data.get("untilUs"), data.get("untilEvents"), data.get("untilPeople"), zone)
        return _by(who, f"ignored it {until}", f"It was ignored {until}")
    return _moved(row, who)


def _moved(row: ActivityRow, who: str) -> str:
    data = row.data
    release = data.get("release")
    number = data.get("number") or data.get("into") or data.get("of")
    if row.kind == "regressed":
        return "It happened again" + (f" in {release}" if release else "")
    if row.kind == "unignored":
        reason = data.get("reason")
        return "It is no longer ignored" + (f": {reason}" if reason else "")
    if row.kind == "opened":
        return _by(who, "opened it again", "It was opened again")
    if row.kind == "merged" and data.get("numbers"):
        which = ", ".join(f"#{one}" for one in str(data["numbers"]).split(","))
        return _by(who, f"merged {which} into it", f"{which} became part of it")
    if row.kind == "merged":
        return _by(who, f"merged it into #{number}", f"It became part of #{number}")
    if row.kind == "unmerged":
        return _by(who, f"split off #{number}", f"#{number} was split off")
    return _by(who, f"split it off #{number}", f"It was split off #{number}")


def _by(who: str, did: str, was: str) -> str:
    return f"{who} {did}" if who else was


def _released(resolution: object, release: object) -> str:
    if not release or resolution == "now":
        return ""
    return (
        f" in the release after {release}" if resolution == "in_next_release" else f" in {release}"
    )


def _until(us: object, events: object, people: object, zone: str) -> str:
    if isinstance(us, int):
        return f"until {moment(us, zone)}"
    if isinstance(events, int):
        return f"until it happens {events:,} more times"
    if isinstance(people, int):
        return f"until {people:,} more people meet it"
    return "for good"
