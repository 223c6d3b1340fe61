"""What the control plane says of people in budgets and in prompts that are kept."""

from controlplane.llm.budget_models import BudgetAlertRow, BudgetRow
from controlplane.llm.prompt_models import PromptRow, PromptVersionRow
from controlplane.person_texts import Texts

TEXTS = (
    Texts("budgets", BudgetRow, ("name",), shaped=("form",)),
    Texts("alerts of budgets", BudgetAlertRow, ("entity",)),
    Texts(
        "versions of prompts",
        PromptVersionRow,
        ("message", "author"),
        shaped=("body", "config"),
        through=(PromptVersionRow.prompt_id, PromptRow.id, PromptRow.project_id),
    ),
)
