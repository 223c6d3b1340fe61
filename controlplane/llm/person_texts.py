"""What the control plane says of people in budgets, datasets, prompts, queues and judges."""

from controlplane.llm.budget_models import BudgetAlertRow, BudgetRow
from controlplane.llm.dataset_models import DatasetRow, DatasetRunRow
from controlplane.llm.judge_models import JudgeRow
from controlplane.llm.prompt_models import PromptRow, PromptVersionRow
from controlplane.llm.queue_models import QueueRow
from controlplane.person_texts import Texts

TEXTS = (
    Texts("budgets", BudgetRow, ("name",), shaped=("form",)),
    Texts("alerts of budgets", BudgetAlertRow, ("entity",)),
    Texts("datasets", DatasetRow, ("description",), json=("details",)),
    Texts(
        "runs of datasets",
        DatasetRunRow,
        ("description",),
        json=("details",),
        through=(DatasetRunRow.dataset_id, DatasetRow.id, DatasetRow.project_id),
    ),
    Texts(
        "versions of prompts",
        PromptVersionRow,
        ("message", "author"),
        shaped=("body", "config"),
        through=(PromptVersionRow.prompt_id, PromptRow.id, PromptRow.project_id),
    ),
    Texts("failures of judges", JudgeRow, ("stopped", "error")),
    Texts("annotation queues", QueueRow, ("name",), shaped=("form",), is_edited=True),
    Texts("judges", JudgeRow, ("name",), shaped=("form",), is_edited=True),
)
