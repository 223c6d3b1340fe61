"""The Alembic history of the control plane, one for SQLite and PostgreSQL."""
