"""The page of the pipeline: what became of everything, dead letters, and how fresh the data is."""
