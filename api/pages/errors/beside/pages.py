"""Which pages there are of what comes beside errors."""

from api.pages.errors.beside import check_ins, feedback, files
from api.pages.navigation import Link, Section

SECTION = Section(
    "Errors",
    (Link("Feedback", "errors/feedback"), Link("Cron check-ins", "errors/check-ins")),
    (*feedback.HANDLERS, *files.HANDLERS, *check_ins.HANDLERS),
)
