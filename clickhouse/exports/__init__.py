"""The rows of a project as files: which tables are an interface, and how they are read out."""
