"""The tables of the status page."""
