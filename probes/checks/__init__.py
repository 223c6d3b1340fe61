"""One module for each type of monitor: a function that looks once, and says what it saw."""
