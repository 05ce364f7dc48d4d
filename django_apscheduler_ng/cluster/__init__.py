"""Runs that workers of a cluster perform, which the project has already: of Celery, or of Django's tasks.

Invariant: the run's row is the outbox. It is committed as *claimed* and held by its executor, not by the node, before its id is
published; so it outlives the node. A message is a hint and nothing more: it may be lost, late or doubled. Whoever gets one performs the
run only after a committed update `claimed → running` that asks for the status: one of them wins. While nobody has, living nodes
publish the id again after a growing pause.

The worker that won writes an id of its own, its lease, where the rows of nodes have that of the node, and fences every later write with
it. It raises a counter in the row as long as it is at work. A node that has seen the counter unchanged for a whole lease of successful
reads, on its own monotonic clock, abandons the run as it does for nodes that died.
"""
