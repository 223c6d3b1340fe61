"""What `make compare` is made of: the servers that it measures, the work, figures, chart."""
