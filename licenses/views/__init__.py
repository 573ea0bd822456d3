"""Pages about licences: managing, reviewing, results, history, products."""
