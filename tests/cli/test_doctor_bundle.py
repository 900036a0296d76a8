"""`doctor --bundle`: what is in the archive; that tokens, data and user names are not, wherever they were planted."""

from __future__ import annotations

import gzip
import io
import json
import stat
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from scaicore_tui import secrets
from scaicore_tui.cli.commands.schema import read_schema
from scaicore_tui.cli.output.log_file import logging_to
from scaicore_tui.cli.output.privacy import mask_private, mask_tokens, mask_value
from scaicore_tui.log import Log
from scaicore_tui.secrets import Secret
from tests.support.core_inputs import APPROVAL, TRIP
from tests.support.grid import MANAGER
from tests.support.program import FastGrid, Program
from tests.support.token_leaks import MARK

NAMES = ["README.txt", "versions.json", "settings.json", "doctor.json", "terminal.json", "counts.json"]
FOLDER = "scaicore-tui-bundle/"
PAYLOAD = "data-of-a-flow"
# A token that the program reads. It stands in planted files, in which the tests' own tokens would be found.
TOKEN = "the-token-of-ann-1234"
# A person whose name is in paths, and tokens that no process here has read as such.
PERSON = "ann-somebody"
UNKNOWN_JWT = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
UNKNOWN_KEY = "sgk_of-another-process"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="XDG folders")


def unpack(path: Path) -> dict[str, str]:
    """Return the files of an archive by name, without their folder."""
    content: dict[str, bytes] = {}
    if path.suffix == ".zip":
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}
    else:
        with tarfile.open(path) as tar:
            for member in tar.getmembers():
                assert (member.uname, member.gname, member.uid) == ("", "", 0)
                content[member.name] = tar.extractfile(member).read()  # type: ignore[union-attr]
    assert all(name.startswith(FOLDER) for name in content)
    return {name.removeprefix(FOLDER): data.decode() for name, data in content.items()}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder for archives outside the program's home folder."""
    found = tmp_path / "out"
    found.mkdir()
    return found


@pytest.fixture
def person(tmp_path: Path) -> Program:
    """Return the program with the home folder of a person."""
    home = tmp_path / "home" / PERSON
    home.mkdir(parents=True)
    return Program(home, {"USER": PERSON, "LOGNAME": PERSON})


@pytest.mark.parametrize("name", ["report.tar.gz", "report.tgz", "report.zip"])
def test_the_archive_has_what_a_bug_report_needs(grid: FastGrid, person: Program, folder: Path, name: str) -> None:
    grid.finish_run(APPROVAL, {**TRIP, "purpose": PAYLOAD})
    program = person.with_variables(**grid.settings(MANAGER))
    journal, log = str(person.home / "a.journal"), str(person.home / "a.log")
    assert program("record", "--until-idle", "0", "--journal", journal, "--log", log).returncode == 0
    done = program("doctor", "--journal", journal, "--log", log, "--bundle", str(folder / name))
    assert done.returncode == 0, done.stdout
    files = unpack(folder / name)
    assert list(files) == [*NAMES, "log.jsonl"]
    assert f"wrote {folder / name}, to be attached to a bug report: README.txt" in " ".join(done.stdout.split())
    versions, settings = json.loads(files["versions.json"]), json.loads(files["settings.json"])
    assert {"python", "textual", "httpx"} <= versions["packages"].keys()
    assert settings["settings"]["token"] == {"value": "…", "from": "SCAIGRID_API_KEY"}
    assert settings["settings"]["url"]["from"] == "SCAIGRID_BASE_URL"
    assert settings["options"] == ["journal", "log"]
    checks = {check["name"]: check for check in json.loads(files["doctor.json"])}
    assert checks["api"]["state"] == "ok"
    assert checks["driver"]["facts"]["own"] is True
    assert "words" not in checks["caller"]
    assert checks["journal"]["facts"]["file"] == "~/a.journal"
    counts = json.loads(files["counts.json"])
    assert counts["journal"].items() >= {"events": 9, "runs": 1, "gaps": 0}.items()
    assert counts["ledger"] == {"writes": {}, "unreadable_lines": 0}
    logged = [json.loads(line) for line in files["log.jsonl"].splitlines()]
    assert {"start", "request", "poll", "end"} <= {entry["message"] for entry in logged}
    assert_private(files)


def assert_private(files: dict[str, str]) -> None:
    """Check that no file has a token, data of a flow or the name of a user."""
    planted = (MARK, TOKEN, PAYLOAD, PERSON, UNKNOWN_JWT, UNKNOWN_KEY.removeprefix("sgk_"), "opensesame", "pass1234")
    for name, content in files.items():
        assert not [secret for secret in planted if secret in content], name


@LINUX
def test_nothing_private_is_packed_wherever_it_was_planted(person: Program, folder: Path) -> None:
    state, config = person.home / "XDG_STATE_HOME/scaicore-tui", person.home / "XDG_CONFIG_HOME/scaicore-tui"
    state.mkdir(parents=True)
    config.mkdir(parents=True)
    (config / "config.toml").write_text(
        f'default = "prod"\n[profiles.prod]\nurl = "https://{PERSON}:pass1234@h.example/?token=opensesame"\n'
        f'ca_file = "/home/{PERSON}/ca.pem"\n[profiles.other]\ntenant = "{UNKNOWN_JWT}!"\napi = "{UNKNOWN_KEY}"\n'
    )
    (state / "crash-2026-01-01T000000Z-1.txt").write_text(
        f"KeyError\n  {person.home}/x.py, line 1, in f\n    f({UNKNOWN_JWT!r}, {TOKEN!r})\n  /home/{PERSON}/y.py\n"
    )
    (state / "ledger.jsonl").write_text(f'{{"input": "{PAYLOAD}"}}\n')
    log = person.home / "a.log"
    lines = [
        {"time": "1", "message": "request", "fields": {"path": f"/x?token=opensesame&u={UNKNOWN_KEY}"}},
        {"time": "2", "message": f"Bearer {UNKNOWN_JWT}", "fields": {"host": f"https://{PERSON}:pass1234@h/"}},
        {"time": "3", "message": "journal", "fields": {f"{person.home}": f"C:\\Users\\{PERSON}\\a.journal"}},
        {"time": "4", "message": "mounted", "fields": {"file": f"/media/{PERSON}/disk", "token": TOKEN}},
        {"event": PAYLOAD},
    ]
    log.write_text("".join(f"{json.dumps(line)}\n" for line in lines) + f"{PAYLOAD}\n[1]\n")
    program = person.with_variables(
        SCAICORE_TUI_TOKEN=TOKEN, SCAIVAULT_TOKEN=f"jwt.{MARK}.v", HTTPS_PROXY="http://me:pass1234@127.0.0.1:1"
    )
    # `doctor` may not append to what is not a log.
    done = program("doctor", "--log", str(log), "--bundle", str(folder / "b.zip"))
    assert done.returncode == 2
    files = unpack(folder / "b.zip")
    assert_private(files)
    assert "~/x.py, line 1, in f" in files["crash/crash-2026-01-01T000000Z-1.txt"]
    assert [json.loads(line)["time"] for line in files["log.jsonl"].splitlines()][:4] == ["1", "2", "3", "4"]
    assert json.loads(files["log.jsonl"].splitlines()[3])["fields"] == {"file": "/media/…/disk", "token": "…"}
    settings = json.loads(files["settings.json"])
    assert settings["problems"]
    assert settings["variables"] == ["SCAICORE_TUI_TOKEN", "SCAIVAULT_TOKEN"]


def test_tokens_and_user_names_are_masked_in_every_form(monkeypatch: pytest.MonkeyPatch) -> None:
    # Without the secrets of other tests, which may have parts of these texts.
    monkeypatch.setattr(secrets, "_known", set())
    monkeypatch.setattr(secrets, "_chunks", {})
    Secret(f"sgk_{MARK}-in-full")
    texts = {
        f"a sgk_{MARK}-in-full b": "a … b",
        UNKNOWN_KEY: "…",
        f"x {UNKNOWN_JWT} y": "x … y",
        "Authorization: Bearer abc def": "Authorization: Bearer … def",
        "GET /?api_key=abc&x=1": "GET /?api_key=…&x=1",
        "https://me:secret@host/": "https://…@host/",
        "cannot read the token": "cannot read the token",
    }
    assert {text: mask_tokens(text) for text in texts} == texts
    assert mask_private("/home/ann/x /Users/bob/y C:\\Users\\eve\\z") == "/home/…/x /Users/…/y C:\\Users\\…\\z"
    assert mask_private(f"{Path.home()}/x and {Path.home()}er/y").startswith("~/x and ")
    value: Any = {"sgk_abcdefgh": ["sgk_abcdefgh", 1, None, True, {"a": Path("sgk_abcdefgh")}]}
    assert mask_value(value, mask_tokens) == {"…": ["…", 1, None, True, {"a": "…"}]}


def test_without_settings_there_is_still_an_archive(person: Program, folder: Path) -> None:
    done = person("doctor", "--json", "--bundle", str(folder / "b.tar.gz"))
    assert done.returncode == 2
    document = json.loads(done.stdout)
    Draft202012Validator(json.loads(read_schema("doctor"))).validate(document)
    assert document["bundle"] == {"file": str(folder / "b.tar.gz"), "contents": NAMES}
    files = unpack(folder / "b.tar.gz")
    assert list(files) == NAMES
    assert json.loads(files["counts.json"])["journal"] == {"exists": False}
    assert "b.tar" not in gzip.decompress((folder / "b.tar.gz").read_bytes())[:100].decode("latin-1")


def test_a_damaged_journal_is_a_part_of_the_report(person: Program, folder: Path) -> None:
    journal = person.home / "a.journal"
    journal.write_bytes(PAYLOAD.encode() * 1_000)
    program = person.with_variables(SCAICORE_TUI_URL="http://127.0.0.1:1", SCAICORE_TUI_TOKEN="sgk_key_of_nobody")
    program("doctor", "--journal", str(journal), "--bundle", str(folder / "b.zip"))
    files = unpack(folder / "b.zip")
    assert json.loads(files["counts.json"])["journal"]["problem"].startswith(
        "StorageError: ~/a.journal is not a journal"
    )
    assert_private(files)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("report.tar", "this is no name of an archive · end it in .tar.gz or .tgz or .zip"),
        ("there.zip", "the file exists · it is unchanged · use another name"),
    ],
)
def test_an_unusable_name_is_refused_before_anything_is_checked(
    person: Program, folder: Path, name: str, message: str
) -> None:
    (folder / "there.zip").write_text("mine")
    done = person("doctor", "--bundle", str(folder / name))
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert (folder / "there.zip").read_text() == "mine"
    assert [path.name for path in folder.iterdir()] == ["there.zip"]


def test_an_archive_that_cannot_be_written_is_a_storage_error(person: Program, folder: Path) -> None:
    done = person("doctor", "--bundle", str(folder / "missing" / "b.zip"))
    assert done.returncode == 9
    assert "no bundle was written" in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX file modes")
def test_only_the_owner_can_read_the_archive(person: Program, folder: Path) -> None:
    person("doctor", "--bundle", str(folder / "b.tar.gz"))
    assert stat.S_IMODE((folder / "b.tar.gz").stat().st_mode) == 0o600


def test_the_log_of_the_program_itself_is_packed(person: Program, folder: Path) -> None:
    path = person.home / "a.log"
    with logging_to(path, lambda _: None):
        Log("scaicore_tui.test").info("poll", file=f"/home/{PERSON}/j", number=7)
    person("doctor", "--log", str(path), "--bundle", str(folder / "b.tar.gz"))
    first = json.loads(io.StringIO(unpack(folder / "b.tar.gz")["log.jsonl"]).readline())
    assert (first["message"], first["fields"]) == ("poll", {"file": "/home/…/j", "number": 7})
