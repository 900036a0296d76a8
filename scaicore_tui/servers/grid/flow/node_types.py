"""The node types of schema v2, and the block kind that each compiles to.

This is the only table of node types; the validator, the engine and the tests use it.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

ENTRY_TYPES: Final = frozenset({"entry_api", "entry_webhook", "entry_schedule"})
"""They compile to triggers, not to blocks: they start runs, and never enter or exit."""

REVIEW_TYPES: Final = frozenset({"checkpoint", "hitl_review", "hitl_decision"})
"""They suspend the run until a person resolves a checkpoint."""

CONTAINER_TYPES: Final = frozenset({"logic_loop", "logic_parallel"})
"""They contain the nodes behind their body ports."""

BLOCK_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "llm_rigid": "rigid",
        "llm_guarded": "guarded",
        "llm_flexible": "flexible",
        "logic_decision": "match",
        "logic_loop": "foreach",
        "logic_parallel": "parallel",
        "tool_plugin": "core_call",
        "tool_http": "core_call",
        "data_variable_set": "rigid",
        "checkpoint": "checkpoint",
        "queue_publish": "core_call",
        "queue_consume": "await_responses",
        "hitl_review": "checkpoint",
        "hitl_decision": "checkpoint",
        "queue_escalation": "core_call",
        "compute_provision": "core_call",
        "compute_exec": "core_call",
        "compute_file_upload": "core_call",
        "compute_file_download": "core_call",
        "compute_destroy": "core_call",
        "subflow_call": "core_call",
    }
)

NODE_TYPES: Final = ENTRY_TYPES | BLOCK_KINDS.keys()


def block_kind(node_type: str, config: Mapping[str, object]) -> str:
    """Return the block kind of a node that is not an entry. A loop with a condition is a `while`."""
    if node_type == "logic_loop" and "while" in config:
        return "while"
    return BLOCK_KINDS[node_type]
