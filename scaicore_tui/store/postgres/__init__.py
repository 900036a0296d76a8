"""The journal on a PostgreSQL server: each feed in a schema (a namespace) of its own, with one writer at a time.

Nothing else imports psycopg, which may not be installed (extra `postgres`).
"""

from scaicore_tui.store.postgres.following import ServerFollower
from scaicore_tui.store.postgres.opening import open_for_following, open_for_reading, open_for_writing

__all__ = ["ServerFollower", "open_for_following", "open_for_reading", "open_for_writing"]
