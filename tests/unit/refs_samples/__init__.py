"""Modules that references lead to, or do not."""
