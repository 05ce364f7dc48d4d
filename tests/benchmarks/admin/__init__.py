"""What the pages of the admin cost with 10,000 jobs, a million runs and 100,000 events."""
