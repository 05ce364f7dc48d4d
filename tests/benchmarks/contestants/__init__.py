"""What is measured: small programs, each run by an interpreter of its own, that print their figures as one line of JSON.

    python -m tests.benchmarks.contestants.this '{"benchmark": "burst", ...}'

What they share imports the standard library only.
"""
