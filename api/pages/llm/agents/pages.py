"""Which pages agents have, in the order of the navigation."""

from api.pages.llm.agents.session import session_page
from api.pages.llm.agents.sessions import sessions_glance, sessions_page
from api.pages.llm.agents.span import raw_span, span_page
from api.pages.llm.agents.tools import tools_page, uses_page
from api.pages.llm.agents.wanted import suggest
from api.pages.navigation import Link, Section

SECTION = Section(
    "Agents",
    (Link("Sessions", "agents"), Link("Tools", "agents/tools")),
    (
        *(sessions_page, sessions_glance, session_page, span_page, raw_span),
        *(tools_page, uses_page, suggest),
    ),
)
