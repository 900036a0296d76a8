"""Reads the graphs of flows from files: one that was named, or all in the folder of a profile."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from scaicore_tui.analysis.flow_graph import FlowGraph, GraphOrigin, build_graph
from scaicore_tui.errors import ConfigError, NotFound, StorageError
from scaicore_tui.log import Log, error_fields
from scaicore_tui.protocol.flows import read_flow

# A graph with 2,000 nodes has about 1 MB.
MAX_FILE_BYTES = 4 * 1024 * 1024
# Files in a folder that are read, in the order of their names.
MAX_FILES = 200
_log = Log(__name__)


def read_flow_file(path: Path) -> FlowGraph:
    """Return the graph in a file.

    Raises NotFound if there is no file, StorageError if it can't be read, ConfigError if it has no graph.
    """
    graph = _read(path)
    if graph is None:
        raise ConfigError(
            f"{path} has no flow graph",
            effect="nothing was changed",
            hint="use the JSON of a flow: an object with nodes and edges",
        )
    return graph


def read_flow_folder(folder: Path) -> list[FlowGraph]:
    """Return the graphs of the JSON files in a folder. Files without one are left out: they are logged."""
    return list(_read_all(folder))


def _read_all(folder: Path) -> Iterator[FlowGraph]:
    try:
        paths = sorted(folder.glob("*.json"))
    except OSError as error:
        _log.warning("folder of flows cannot be read", file=str(folder), **error_fields(error))
        return
    for path in islice(paths, MAX_FILES):
        try:
            graph = _read(path)
        except (NotFound, StorageError) as error:
            _log.warning("flow cannot be read", file=str(path), **error_fields(error))
            continue
        if graph is None:
            _log.info("no flow graph", file=str(path))
        else:
            yield graph


def _read(path: Path) -> FlowGraph | None:
    """Return the graph in a file, None if there is none in it or the file is too large. Raises as `read_flow_file`."""
    try:
        with path.open("rb") as file:
            source = file.read(MAX_FILE_BYTES + 1)
    except FileNotFoundError as error:
        raise NotFound(f"there is no file {path}") from error
    except OSError as error:
        raise StorageError(f"{path} cannot be read: {error.strerror}", effect="nothing was changed") from error
    document = read_flow(source) if len(source) <= MAX_FILE_BYTES else None
    return None if document is None else build_graph(document, GraphOrigin.FILE, path.name)
