"""What an edge process answers: the routes of ingest that need no store."""

from typing import Any

from litestar import Litestar

from api.auth import project_from_key, project_from_session
from api.failing import common_handlers
from ingest.errors import app as errors
from ingest.errors import forms as errors_forms
from ingest.forms import Form
from ingest.llm import app as llm
from ingest.llm import forms as llm_forms
from ingest.otel import app as otel
from ingest.otel import forms as otel_forms
from schemas.settings import Settings
from sluice.layers import routed, sharing_paths
from sluice.limits import attachment_limits_of


def edge_routes() -> list[Any]:
    """Returns the routes. What few send (checks, pings) is not worth its own state."""
    return sharing_paths(
        [
            llm.queue_router(project_from_key),
            *errors.routers(project_from_key, project_from_session),
            *otel.routers(project_from_key, project_from_session),
        ]
    )


def edge_forms(settings: Settings) -> dict[str, Form]:
    """Returns the forms of their requests."""
    return {
        **llm_forms.forms(),
        **errors_forms.forms(attachment_limits_of(settings)),
        **otel_forms.forms(),
    }


def edge_application(**state: Any) -> Litestar:
    """Returns the routes over this state."""
    return routed(edge_routes(), state, common_handlers())
