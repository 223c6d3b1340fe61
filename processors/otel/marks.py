"""The marks of a block while it is read, and what the bill of each scope says of them."""

from collections import defaultdict

from processors.otel.billing import Mark, Verdict, bill
from schemas.projects import ProjectId


class Marks:
    """Says which calls are billed, as far as a block tells: later ones may change it."""

    def __init__(self) -> None:
        self._marks: dict[tuple[ProjectId, str], list[Mark]] = defaultdict(list)
        self._verdicts: dict[tuple[ProjectId, str], dict[str, Verdict]] = {}

    def add(self, project_id: ProjectId, scope: str, mark: Mark) -> None:
        """Adds a span or a record. All are added before the first verdict."""
        self._marks[project_id, scope].append(mark)

    def billing(self, project_id: ProjectId, scope: str, identity: str) -> str:
        """Why a call is not billed; empty where it is."""
        marks = self._marks[project_id, scope]
        if sum(mark.role != "none" for mark in marks) < 2:
            return ""
        verdicts = self._verdicts.get((project_id, scope))
        if verdicts is None:
            verdicts = self._verdicts[project_id, scope] = bill(marks)
        verdict = verdicts.get(identity, "billed")
        return "" if verdict == "billed" else verdict
