"""An embedded ScaiGrid: it hosts a few Cores, executes their flow graphs, and serves ScaiGrid's calls about them.

It is a server of its own: it knows nothing of the client, the journal, the domain or the screen.
"""

from scaicore_tui.grid.app import build_grid
from scaicore_tui.grid.config import GridConfig

__all__ = ["GridConfig", "build_grid"]
