"""ScaiFlow's REST API in front of a ScaiGrid: four routes under `/v1/scaicore`, and three that read flows.

Each is also there with `/api` in front. Queries, bodies and responses are the same bytes on both sides. The proxy
decides only which credential a request uses (`credentials`), whether it asks for one of these routes (`request`), and
how to refuse it (`problems`).
"""

from scaicore_tui.servers.proxy.app import PUBLIC_PATHS, build_proxy
from scaicore_tui.servers.proxy.config import ProxyConfig

__all__ = ["PUBLIC_PATHS", "ProxyConfig", "build_proxy"]
