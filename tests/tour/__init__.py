"""The pictures of the admin in the documentation: `python -m tests.tour` makes them."""
