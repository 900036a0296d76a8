"""What a person types, and what it does: for `--help`, the manual, and a test that each of these lines is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# By command, "" is the program without one.
EXAMPLES: Mapping[str, Sequence[tuple[str, str]]] = {
    "": (
        ("scaicore-tui demo", "try it on a ScaiGrid of its own, without any account"),
        (
            "scaicore-tui --url https://scaiflow.example.com",
            "open the app on an API, with the token in the environment",
        ),
        ("scaicore-tui --profile staging --read-only", "open it on a profile, with all that writes switched off"),
        ("scaicore-tui --offline --journal incident.journal", "look at what was recorded, without any server"),
    ),
    "demo": (
        ("scaicore-tui demo", "the app on a demo of its own, which ends with it"),
        ("scaicore-tui demo --no-tui --rate 30", "only the servers; the one line printed says where they are"),
    ),
    "serve": (
        ("scaicore-tui serve --upstream https://scaigrid.example.com", "on 127.0.0.1:8001"),
        ("scaicore-tui serve --upstream https://grid.example.com --coalesce 2s", "for a whole team"),
    ),
    "runs": (
        ("scaicore-tui runs --failed", "only those that failed, with their errors"),
        ("scaicore-tui runs --json | jq -r '.[].execution_id'", "for programs"),
        ("scaicore-tui runs --offline", "those that the profile's journal knows, without a server"),
        ("scaicore-tui runs --offline --journal events.jsonl", "those of a file of events, one on each line"),
    ),
    "show": (
        ("scaicore-tui show @latest", "the newest run"),
        ("scaicore-tui show exec_8f2 --json", "the one whose id begins like that, for programs"),
    ),
    "events": (
        ("scaicore-tui events --execution @latest", "what the newest run told"),
        ("scaicore-tui events --json > events.jsonl", "all that can be read, byte for byte"),
        ("scaicore-tui events --offline --journal incident.journal", "those of a file, without a server"),
    ),
    "watch": (
        ("scaicore-tui watch", "what all runs do, from now on"),
        ("scaicore-tui watch @latest --exit-status", "what the newest does, until it ends; 1 if it failed"),
        ("scaicore-tui watch exec_8f2 --until waiting --timeout 600", "until somebody has to answer; 8 if nobody has"),
        ("scaicore-tui watch --json --core core_triage | jq -r .change", "for programs"),
    ),
    "record": (
        ("scaicore-tui record", "into the profile's journal, until Ctrl-C"),
        ("scaicore-tui record --journal incident.journal --for 600", "into a file of its own, for ten minutes"),
        ("scaicore-tui record --until-idle 30 --json | jq .gaps", "until all is quiet, for programs"),
    ),
    "checkpoints": (
        ("scaicore-tui checkpoints", "what waits for a person"),
        ("scaicore-tui checkpoints --status resolved --json", "what was answered, as the API has it"),
    ),
    "resolve": (
        ("scaicore-tui resolve ckpt_8f21 approve", "asks first, and then follows it until its run moves"),
        ("scaicore-tui resolve ckpt_8f21 reject --comment 'no receipt' --yes", "does not ask"),
    ),
    "continue": (("scaicore-tui continue ckpt_8f21", "lets a run go on from its breakpoint"),),
    "replay": (
        ("scaicore-tui replay exec_8f2", "with the input that it had"),
        ("scaicore-tui replay exec_8f2 --input input.json --yes", "with another one"),
    ),
    "schema": (
        ("scaicore-tui schema", "which there are"),
        ("scaicore-tui schema runs > runs.schema.json", "that of what `runs --json` prints"),
    ),
    "ledger": (("scaicore-tui ledger", "who answered what, and what came of it"),),
    "doctor": (
        ("scaicore-tui doctor", "what is well, what is not, and what to do about that"),
        ("scaicore-tui doctor --profile prod --json | jq .ok", "for programs"),
    ),
    "config path": (("scaicore-tui config path", "where the profiles are"),),
    "config show": (
        ("scaicore-tui config show", "which settings hold here, and what said so"),
        ("scaicore-tui config show --profile prod --json", "those of that profile, for programs"),
    ),
    "config check": (("scaicore-tui config check", "what is wrong with them"),),
    "config init": (
        ("scaicore-tui config init", "asks for what it needs to know"),
        ("scaicore-tui config init --url https://api.example.com --token-env TOKEN", "asks nothing"),
    ),
}
