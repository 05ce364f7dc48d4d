"""The rules that say when a job runs."""
