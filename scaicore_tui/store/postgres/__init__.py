"""The journal on a PostgreSQL server: each feed in a schema (a namespace) of its own, with one writer at a time.

Nothing else imports psycopg, which may not be installed (extra `postgres`).
"""

from scaicore_tui.store.postgres.following import ServerFollower
from scaicore_tui.store.postgres.opening import (
    open_as_leader,
    open_for_following,
    open_for_reading,
    open_for_writing,
    open_recorders,
)

__all__ = [
    "ServerFollower",
    "open_as_leader",
    "open_for_following",
    "open_for_reading",
    "open_for_writing",
    "open_recorders",
]
