"""What the control plane keeps for the system `otel`."""
