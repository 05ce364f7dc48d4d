"""A tiny app whose jobs the tests run."""
