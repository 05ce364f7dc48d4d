"""This project."""
