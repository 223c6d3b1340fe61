"""The marks of a block while it is read, and what the bill of each scope says of them."""

from collections import defaultdict

from processors.otel.billing import Mark, Verdict, bill, whole_scope
from schemas.projects import ProjectId

TRACE_CHARS = 32
"""The id of a span's row begins with that of its trace."""


class Marks:
    """Says which calls are billed, as far as a block tells: later ones may change it."""

    def __init__(self) -> None:
        self._calls: dict[tuple[ProjectId, str], list[Mark]] = defaultdict(list)
        self._links: dict[tuple[ProjectId, str], list[Mark]] = defaultdict(list)
        """By trace: every span, for it may lie between two calls."""
        self._verdicts: dict[tuple[ProjectId, str], dict[str, Verdict]] = {}

    def add(self, project_id: ProjectId, scope: str, mark: Mark) -> None:
        """Adds a span or a record, by the ids of rows. All are added before the first verdict."""
        if mark.role != "none":
            self._calls[project_id, scope].append(mark)
        if mark.parent_id is not None and not mark.is_record:
            is_link = mark.role == "none"
            link = mark if is_link else Mark(id=mark.id, parent_id=mark.parent_id)
            self._links[project_id, mark.id[:TRACE_CHARS]].append(link)

    def billing(self, project_id: ProjectId, scope: str, identity: str) -> str:
        """Why a call is not billed; empty where it is."""
        calls = self._calls[project_id, scope]
        if len(calls) < 2:
            return ""
        verdicts = self._verdicts.get((project_id, scope))
        if verdicts is None:
            traces = {mark.id[:TRACE_CHARS] for mark in calls}
            links = [link for trace in traces for link in self._links[project_id, trace]]
            verdicts = self._verdicts[project_id, scope] = bill(whole_scope(calls, links))
        verdict = verdicts.get(identity, "billed")
        return "" if verdict == "billed" else verdict
