"""The subcommands of `sluice`: one file a noun, each usable while a server runs."""
