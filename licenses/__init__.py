"""Products, who holds them, and the changes that staff save."""
