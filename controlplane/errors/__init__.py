"""What the system `errors` keeps in the control plane: issues, their history, releases."""
