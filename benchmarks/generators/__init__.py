"""What the benchmarks send: a module for each system, of its name."""
