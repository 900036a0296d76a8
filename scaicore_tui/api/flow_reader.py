"""Reads the flow of a Core from ScaiFlow: lists flows, finds the one that was deployed to the Core, reads its graph.

There is no call from a Core to its flow, and a deployment by the command line leaves no record (API §6). So the flows
are tried in turn, those first whose names are like the Core's; if none says so itself, the graphs of a few are returned
to be compared with runs. Every answer is kept: a session asks for each flow once. Answers are decoded in a thread, as
they may be large.
"""

from __future__ import annotations

import asyncio
import re
from urllib.parse import quote

from msgspec import Struct

from scaicore_tui.api.client import Client
from scaicore_tui.api.transport import PageTooLarge
from scaicore_tui.errors import NotFound, PermissionDenied, RequestRejected, UsageError
from scaicore_tui.log import Log
from scaicore_tui.protocol.flows import (
    FlowDocument,
    FlowInfo,
    FlowListing,
    read_deployed_ids,
    read_flow,
    read_flow_listing,
)

LISTED_FLOWS = 100
# Flows whose deployments are read for one Core, and flows of similar names whose graphs are read if none has it.
MAX_DEPLOYMENTS_READ = 20
MAX_GRAPHS_READ = 5
# A graph with 2,000 nodes has about 1 MB.
MAX_FLOW_BYTES = 4 * 1024 * 1024

# Statuses of servers that do not know these calls, beside 404.
_UNKNOWN_CALL = (400, 405, 410, 422, 501)
_WORDS = re.compile(r"[a-z0-9]+")
_log = Log(__name__)


class FoundFlow(Struct, frozen=True):
    """A flow with its graph; `is_deployed` if one of its deployments has the Core's id."""

    info: FlowInfo
    document: FlowDocument
    is_deployed: bool


class FlowReader:
    """The flows of one target, as far as they were read."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._listings: dict[str, FlowListing] = {}
        self._deployed: dict[str, frozenset[str]] = {}
        self._documents: dict[str, FlowDocument | None] = {}

    async def find(self, core_id: str) -> list[FoundFlow]:
        """Return the flow that was deployed to a Core; without one, flows that may be it, likeliest first.

        Empty if the server has no flows, or shows none to this user. Raises ScaicoreError if it cannot be asked now.
        """
        candidates = await self._candidates(core_id)
        for info in candidates[:MAX_DEPLOYMENTS_READ]:
            if core_id in await self._read_deployed_ids(info):
                document = await self._read_document(info)
                return [] if document is None else [FoundFlow(info, document, is_deployed=True)]
        return [
            FoundFlow(info, document, is_deployed=False)
            for info in candidates[:MAX_GRAPHS_READ]
            if (document := await self._read_document(info)) is not None
        ]

    async def _candidates(self, core_id: str) -> list[FlowInfo]:
        """Return the flows that the Core may belong to, those with the most words in common first."""
        wanted = name_words(core_id)
        listing = await self._list("")
        flows = {info.id: info for info in listing.flows}
        if listing.total > len(listing.flows) and wanted:
            found = await self._list(_search_text(core_id))
            flows = {info.id: info for info in found.flows} | flows
        return sorted(flows.values(), key=lambda info: -len(wanted & name_words(f"{info.name} {info.id}")))

    async def _list(self, search: str) -> FlowListing:
        if search not in self._listings:
            query = {"limit": str(LISTED_FLOWS)} | ({"search": search} if search else {})
            body = await self._read("", **query)
            self._listings[search] = FlowListing() if body is None else await asyncio.to_thread(read_flow_listing, body)
            _log.info("flows listed", flows=len(self._listings[search].flows), total=self._listings[search].total)
        return self._listings[search]

    async def _read_deployed_ids(self, info: FlowInfo) -> frozenset[str]:
        if info.id not in self._deployed:
            body = await self._read(f"/{quote(info.id, safe='', errors='replace')}/deployments")
            self._deployed[info.id] = frozenset() if body is None else await asyncio.to_thread(read_deployed_ids, body)
        return self._deployed[info.id]

    async def _read_document(self, info: FlowInfo) -> FlowDocument | None:
        if info.id not in self._documents:
            body = await self._read(f"/{quote(info.id, safe='', errors='replace')}")
            self._documents[info.id] = None if body is None else await asyncio.to_thread(read_flow, body)
        return self._documents[info.id]

    async def _read(self, path: str, **query: str) -> bytes | None:
        """Return a body; None if there is nothing to read here: not there, not for this user, or too large."""
        try:
            return await self._client.read_flows(path, MAX_FLOW_BYTES, **query)
        except (NotFound, PermissionDenied, PageTooLarge):
            return None
        except (RequestRejected, UsageError) as error:
            if error.status in _UNKNOWN_CALL:
                return None
            raise


def name_words(text: str) -> frozenset[str]:
    """Return the words of a name or an id, without those that only tell what it is."""
    return frozenset(_WORDS.findall(text.casefold())) - {"core", "flow"}


def _search_text(core_id: str) -> str:
    """Return what to search for: the Core's id without its prefix."""
    return core_id.removeprefix("core_")
