"""A team on one journal in real time: recorders, viewers, a feed at the API's ceiling, and faults between them.

`python -m tests.bench.team` needs root, `ip` and a PostgreSQL server. It takes some minutes.
"""
