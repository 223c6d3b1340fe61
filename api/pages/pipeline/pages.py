"""Which pages the pipeline has."""

from api.pages.navigation import Link, Section
from api.pages.pipeline.actions import discard_fitting, discard_one, replay_fitting, replay_one
from api.pages.pipeline.dead import dead_list_page, dead_page, dead_raw
from api.pages.pipeline.page import pipeline_page

SECTION = Section(
    "Project",
    (Link("Pipeline", "pipeline"),),
    (
        *(pipeline_page, dead_list_page, dead_page, dead_raw),
        *(replay_one, replay_fitting, discard_one, discard_fitting),
    ),
)
