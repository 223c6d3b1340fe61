"""What the control plane says of people in budgets, datasets and prompts that are kept."""

from controlplane.llm.budget_models import BudgetAlertRow, BudgetRow
from controlplane.llm.dataset_models import DatasetRow, DatasetRunRow
from controlplane.llm.prompt_models import PromptRow, PromptVersionRow
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
)
