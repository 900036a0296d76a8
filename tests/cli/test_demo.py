"""`demo --no-tui` and `serve` as child processes that answer real requests."""

from __future__ import annotations

import signal

import httpx

from tests.support.program import TIMEOUT_S, Demo, Program, running_demo


def test_the_demo_prints_its_addresses_on_one_line(demo: Demo) -> None:
    assert set(demo.ready) == {"url", "grid_url", "token", "viewer_token", "pid"}
    assert demo.ready["url"].startswith("http://127.0.0.1:")
    assert demo.ready["url"].endswith("/api/v1")
    assert httpx.URL(demo.ready["grid_url"]).path == "/"
    assert demo.ready["pid"] == demo.process.pid
    assert demo.ready["token"] != demo.ready["viewer_token"]


def test_the_proxy_of_the_demo_returns_what_its_grid_returns(demo: Demo) -> None:
    bearer = {"Authorization": f"Bearer {demo.ready['viewer_token']}"}
    query = {"status": "resolved"}
    proxied = httpx.get(f"{demo.ready['url']}/scaicore/checkpoints", params=query, headers=bearer)
    with demo.client() as grid:
        listed = grid.get("/checkpoints", params=query).json()["data"]["checkpoints"]
    assert listed
    assert proxied.json()["data"]["checkpoints"] == listed


def test_ctrl_c_ends_the_demo_silently_with_130(program: Program) -> None:
    with running_demo(program, "--rate", "600") as demo:
        with demo.client() as grid:
            assert grid.get("/events").json()["data"]["events"]
        assert demo.stop() == 130
        assert demo.process.communicate() == ("", "")


def test_a_signal_ends_the_demo_with_128_plus_its_number(program: Program) -> None:
    with running_demo(program, "--rate", "0") as demo:
        demo.process.send_signal(signal.SIGTERM)
        assert demo.process.wait(TIMEOUT_S) == 128 + signal.SIGTERM
        assert demo.process.communicate() == ("", "")


def test_a_demo_owned_by_the_app_ends_when_its_standard_input_closes(program: Program) -> None:
    with running_demo(program, "--rate", "0", "--owned") as demo:
        assert demo.process.stdin is not None
        demo.process.stdin.close()
        assert demo.process.wait(TIMEOUT_S) == 0


def test_serve_offers_the_api_of_a_grid(program: Program, demo: Demo) -> None:
    with program.started(
        "serve", "--upstream", demo.ready["grid_url"], "--port", "0", "--allow-host", "box.example"
    ) as server:
        assert server.stderr is not None
        banner, _, upstream = server.stderr.readline().strip().partition(" in front of ")
        assert upstream == demo.ready["grid_url"]
        url = banner.removeprefix("serving ")
        bare = httpx.get(f"{url}/scaicore/events")
        assert (bare.status_code, bare.json()["detail"]["error"]) == (412, "missing_credentials")
        hosts = ("box.example", "evil.example")
        known, foreign = (httpx.get(f"{url}/scaicore/events", headers={"Host": host}) for host in hosts)
        assert (known.status_code, foreign.status_code) == (412, 421)
        found = program.with_variables(SCAICORE_TUI_URL=url, SCAICORE_TUI_TOKEN=demo.ready["viewer_token"])(
            "checkpoints"
        )
        assert found.returncode == 0
        assert "stopped before" in found.stdout
        server.send_signal(signal.SIGINT)
        assert server.wait(TIMEOUT_S) == 130


def test_serve_refuses_a_port_in_use(program: Program, demo: Demo) -> None:
    taken = str(httpx.URL(demo.ready["grid_url"]).port)
    done = program("serve", "--upstream", demo.ready["grid_url"], "--port", taken)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"cannot listen on 127.0.0.1:{taken}" in done.stderr
