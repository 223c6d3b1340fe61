"""The page of the settings of errors: masking and grouping."""
