"""Which pages the system `llm` has, in the order of the navigation."""

from api.pages.llm import (
    annotating,
    budgets,
    dataset_copies,
    datasets,
    experiments,
    judges,
    prices,
    prompt_forms,
    queues,
)
from api.pages.llm.agents import pages as agents
from api.pages.llm.explore import explore_csv, explore_events, explore_page, explore_parquet
from api.pages.llm.finding import FINDER
from api.pages.llm.models import models_page
from api.pages.llm.overview import overview_events, overview_page, overview_rest
from api.pages.llm.prompt_list import prompts_page
from api.pages.llm.prompts import prompts_part
from api.pages.llm.retention import retention_page
from api.pages.llm.scores import scores_page
from api.pages.llm.session import session_page
from api.pages.llm.sessions import sessions_page, sessions_totals
from api.pages.llm.subjects_taken import export_sessions, export_users
from api.pages.llm.suggestions import suggest
from api.pages.llm.taken import list_csv, list_parquet
from api.pages.llm.trace import raw_body, raw_trace, trace_page
from api.pages.llm.traces import list_events, list_page
from api.pages.llm.user import user_page, user_rest
from api.pages.llm.users import users_beside, users_page, users_totals
from api.pages.navigation import Link, Section

SECTIONS = (
    Section(
        "",
        (Link("Overview", "overview"),),
        (overview_page, overview_rest, overview_events),
        finders=(FINDER,),
    ),
    Section(
        "LLM",
        (
            Link("Explore", "llm/explore"),
            Link("Traces", "llm/traces"),
            Link("Sessions", "llm/sessions"),
            Link("Users", "llm/users"),
            Link("Models", "llm/models"),
            Link("Prompts", "llm/prompts"),
            Link("Scores", "llm/scores"),
            Link("Annotation", "llm/annotation"),
            Link("Datasets", "llm/datasets"),
            Link("Judges", "llm/judges"),
            Link("Budgets", "llm/budgets"),
        ),
        (
            *(explore_page, explore_csv, explore_parquet, explore_events),
            *(suggest, models_page, scores_page),
            *(list_page, list_csv, list_parquet, list_events),
            *(trace_page, raw_trace, raw_body),
            *(sessions_page, sessions_totals, session_page, prompts_part),
            *(*budgets.HANDLERS, *queues.HANDLERS, *annotating.HANDLERS),
            *(users_page, users_totals, users_beside, user_page, user_rest, retention_page),
            *(export_sessions, export_users),
            *(*datasets.HANDLERS, *dataset_copies.HANDLERS, *experiments.HANDLERS),
            *judges.HANDLERS,
            *(prompts_page, *prompt_forms.HANDLERS),
        ),
    ),
    agents.SECTION,
    Section("", (), prices.HANDLERS, settings=(Link("Prices", "settings/prices"),)),
)
