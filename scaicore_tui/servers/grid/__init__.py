"""An embedded ScaiGrid: hosts a few Cores, executes their flow graphs, and serves ScaiGrid's API for them.

It is a separate server: it knows nothing of the client, the journal, the domain or the screen.
"""

from scaicore_tui.servers.grid.config import GridConfig
from scaicore_tui.servers.grid.http.app import build_grid

__all__ = ["GridConfig", "build_grid"]
