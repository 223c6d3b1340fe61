"""The one room that knows all others: CLI, settings, factories, one-process mode."""
