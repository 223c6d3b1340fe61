"""Which rows pages of calls and of agents give away: those that they list."""

from api.auth import AnyRequest
from api.pages.llm.agents.wanted import wanted_of as agents_wanted
from api.pages.llm.wanted import wanted_of
from api.pages.viewer import Viewer
from clickhouse.llm.agent_filters import of_sessions
from clickhouse.llm.filters import condition
from clickhouse.queries.conditions import Condition


def listed_traces(request: AnyRequest, viewer: Viewer) -> Condition:
    """Returns the condition for them. Raises `InvalidParameters`."""
    wanted = wanted_of(request, viewer)
    return condition(wanted.project, wanted.filter)


def listed_events(request: AnyRequest, viewer: Viewer) -> Condition:
    """Returns the condition for the events of the sessions that are listed, of the range.

    Raises `InvalidParameters`.
    """
    wanted = agents_wanted(request, viewer)
    return of_sessions(wanted.project, wanted.filter)
