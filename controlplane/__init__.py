"""The relational store: users, projects, members, API keys and their Alembic history."""
