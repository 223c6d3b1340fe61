"""Questions to the store, each beside its SQL; all bound to a project and bounded in rows."""
