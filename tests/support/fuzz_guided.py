"""A coverage-guided fuzzer over `try_body`: `python -m tests.support.fuzz_guided -runs=N`; needs atheris."""

from __future__ import annotations

import sys
import tempfile
from importlib import import_module
from pathlib import Path


def main(arguments: list[str]) -> None:
    """Run the fuzzer, starting from real bodies. The first exception ends it; `-runs=N` limits the number of bodies."""
    atheris = import_module("atheris")
    with atheris.instrument_imports(include=["scaicore_tui"]):
        fuzz = import_module("tests.support.fuzz")
    with tempfile.TemporaryDirectory() as folder:
        for number, body in enumerate(fuzz.seeds()):
            (Path(folder) / str(number)).write_bytes(body)
        atheris.Setup([sys.argv[0], "-max_len=4000", *arguments, folder], fuzz.try_body)
        atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1:])
