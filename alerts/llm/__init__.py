"""Alerts of the system `llm`: budgets."""
