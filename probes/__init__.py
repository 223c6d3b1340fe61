"""What goes out and looks: the checks of monitors, and when each is due."""
