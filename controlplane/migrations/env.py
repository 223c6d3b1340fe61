"""How Alembic reaches the database: over the connection that `Database.migrate` hands in.

To write the next revision, see `controlplane/migrations/README.md`.
"""

from alembic import context

from controlplane.models import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,  # SQLite cannot alter a column in place
)
with context.begin_transaction():
    context.run_migrations()
