"""The one package that knows all others: CLI, settings, factories, one-process mode."""
