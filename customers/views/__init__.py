"""Pages about customers and their users."""
