"""Which pages logs have."""

from api.pages.errors.logs.list import list_events, list_page
from api.pages.errors.logs.one import log_page
from api.pages.errors.logs.wanted import suggest
from api.pages.navigation import Link

LINK = Link("Logs", "errors/logs")
HANDLERS = (list_page, list_events, suggest, log_page)
