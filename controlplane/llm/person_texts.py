"""What the control plane says of people in budgets."""

from controlplane.llm.budget_models import BudgetAlertRow, BudgetRow
from controlplane.person_texts import Texts

TEXTS = (
    Texts("budgets", BudgetRow, ("name",), json=("form",)),
    Texts("alerts of budgets", BudgetAlertRow, ("entity",)),
)
