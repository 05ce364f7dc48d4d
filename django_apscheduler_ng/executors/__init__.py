"""Executors perform runs: in threads, processes, an event loop, or right where they are asked to."""
