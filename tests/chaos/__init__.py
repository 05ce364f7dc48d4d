"""A cluster of real nodes on a database server of their own, faults at random, and the full account at the end.

`python -m tests.chaos --help` says how to use it; CONTRIBUTING.md tells what is where.
"""
