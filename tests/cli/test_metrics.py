"""`record --metrics` and `serve --metrics` serve metrics while they run."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx

from tests.support.core_inputs import GOOD
from tests.support.program import FAST_POLLING, TIMEOUT_S, FastGrid, Program, next_line_with
from tests.support.prometheus_text import read_metrics, series


def test_record_serves_the_metrics_of_what_it_reads(busy_grid: FastGrid, watcher: Program, tmp_path: Path) -> None:
    with watcher.started("record", "--metrics", ":0", "--journal", str(tmp_path / "j"), *FAST_POLLING) as process:
        url = next_line_with(process.stderr, "metrics: ").partition(": ")[2].strip()
        next_line_with(process.stderr, "recording ")
        run = busy_grid.finish_run("core_invoice-batch", GOOD)
        completed = series("scaicore_runs", status="completed")
        while read_metrics(httpx.get(url).content)[completed] < 1:
            assert process.poll() is None
        text = httpx.get(url).content
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=TIMEOUT_S)
    assert process.returncode == 128 + signal.SIGTERM
    found = read_metrics(text)
    assert found[series("scaicore_recorder_leader")] == 1
    assert found[series("scaicore_api_requests_total", result="ok")] >= 2
    assert run.encode() not in text


def test_serve_serves_the_metrics_of_its_requests(grid: FastGrid, program: Program) -> None:
    options = ("--upstream", grid.served.url, "--port", "0", "--metrics", ":0")
    with program.started("serve", *options) as process:
        metrics_url = next_line_with(process.stderr, "metrics: ").partition(": ")[2].strip()
        url = next_line_with(process.stderr, "serving ").removeprefix("serving ").partition("/api/v1")[0]
        assert httpx.get(f"{url}/healthz").status_code == 200
        found = read_metrics(httpx.get(metrics_url).content)
    assert found[series("scaicore_proxy_requests_total", route="/healthz", method="GET", status="200")] == 1


def test_an_unusable_address_starts_nothing(writer: Program, tmp_path: Path) -> None:
    done = writer("record", "--metrics", "9464", "--journal", str(tmp_path / "j"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--metrics '9464' is not an address with a port · nothing was started · for example :9464" in done.stderr
    assert not (tmp_path / "j").exists()
