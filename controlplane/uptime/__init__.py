"""What the control plane keeps of the system `uptime`: monitors, their states, incidents."""
