"""Define the commands that start servers: the demo, and the REST API in front of a ScaiGrid."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from scaicore_tui.cli.arguments import Metrics, parse_duration
from scaicore_tui.cli.commands.app import DEMO_RATE, DEMO_SEED, open_demo
from scaicore_tui.cli.options import Common
from scaicore_tui.cli.runner import run
from scaicore_tui.cli.shared_options import takes_common

TIME: Any = {"metavar": "TIME", "parser": parse_duration}


@takes_common
def demo(
    common: Common,
    seed: Annotated[int, typer.Option(metavar="N", help="Random seed: the same seed gives the same runs.")] = DEMO_SEED,
    rate: Annotated[float, typer.Option(metavar="N", help="New runs per minute.", min=0, max=600)] = DEMO_RATE,
    no_tui: Annotated[bool, typer.Option("--no-tui", help="Only start the servers and print their addresses.")] = False,
    owned: Annotated[bool, typer.Option("--owned", hidden=True)] = False,
) -> int:
    """Open the app on a demo ScaiGrid on this machine.

    The demo executes real flows and needs no account. With `--no-tui` it prints one JSON line with its addresses and
    tokens, and serves until interrupted.
    """
    if no_tui:
        from scaicore_tui.cli.commands.demo import serve_demo

        return run(serve_demo(seed, rate, owned))
    return open_demo(common, seed, rate)


@takes_common
def serve(
    common: Common,
    upstream: Annotated[str, typer.Option(metavar="URL", help="URL of the ScaiGrid.")],
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(metavar="N", help="Port to listen on.", min=0, max=65535)] = 8001,
    allow_host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Accept this name in the Host header. Repeatable.")
    ] = None,
    # Accepted for the services that still pass it; `serve` says that it is ignored.
    workers: Annotated[int, typer.Option(metavar="N", hidden=True, min=1, max=64)] = 1,
    connections: Annotated[int, typer.Option(metavar="N", help="Maximum connections; more get a 503.", min=1)] = 200,
    coalesce: Annotated[
        float, typer.Option(**TIME, help="Share one response among identical reads for this long.")
    ] = 0,
    read_timeout: Annotated[float, typer.Option(**TIME, help="Time limit for the ScaiGrid to answer a read.")] = 15,
    invoke_timeout: Annotated[float, typer.Option(**TIME, help="Time limit for the ScaiGrid to answer a write.")] = 300,
    grace: Annotated[float, typer.Option(**TIME, help="Time for open requests to finish after SIGTERM.")] = 30,
    lend_key: Annotated[
        bool,
        typer.Option("--lend-key", help="Use the server's own key for local requests without a credential."),
    ] = False,
    metrics: Metrics = None,
) -> int:
    """Serve the REST API in front of a ScaiGrid.

    It writes an access log to standard error as JSON lines; `--quiet` turns the log off. With `--metrics` it serves
    figures of its requests for Prometheus.
    """
    from scaicore_tui.cli.commands import serve

    service = serve.Service(
        upstream,
        host,
        port,
        allow_host or (),
        workers,
        connections,
        grace,
        coalesce,
        read_timeout,
        invoke_timeout,
        lend_key,
        metrics,
    )
    return run(serve.serve(service))
