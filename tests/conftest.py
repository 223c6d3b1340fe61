"""What every test may ask for: the real components, started when the first test needs one."""

pytest_plugins = ("tests.components.fixtures",)
