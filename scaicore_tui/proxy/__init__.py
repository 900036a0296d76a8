"""The REST API of ScaiFlow in front of a ScaiGrid: four calls under `/v1/scaicore` and `/api/v1/scaicore`, verbatim.

What passes is not read: queries, bodies and answers are the same bytes on both sides. What is decided here is only who
is asking (`credentials`), whether the request is one of the four (`calls`), and how to say no (`problems`).
"""

from scaicore_tui.proxy.app import PUBLIC, build_proxy
from scaicore_tui.proxy.config import ProxyConfig

__all__ = ["PUBLIC", "ProxyConfig", "build_proxy"]
