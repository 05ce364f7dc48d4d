"""This project and its peers on the same databases, in the same run, taking turns.

    python -m tests.benchmarks burst --database sqlite,postgres --rounds 5
    python -m tests.benchmarks all --write-docs

Nothing here is part of `make test`. Each contestant runs in an interpreter and an environment of its own.
"""
