"""What a deployment prints becomes lines of the event log: split, masked, numbered, written."""
