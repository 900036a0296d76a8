"""Network namespaces: each recorder has a link to the API and another to PostgreSQL, which can be cut by itself."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

# Addresses of this machine in its own namespace. They are the same for all recorders, as the URL is part of a feed.
API_HOST, POSTGRES_HOST = "10.99.0.1", "10.99.0.2"
_LEGS = {"a": API_HOST, "p": POSTGRES_HOST}


class Namespace:
    """A namespace with two links. What is sent while a link is cut disappears without an error."""

    def __init__(self, number: int) -> None:
        self.name = f"team{number}"
        self._number = number

    @property
    def prefix(self) -> Sequence[str]:
        """The words before a command that is to run in the namespace."""
        return ("ip", "netns", "exec", self.name)

    def create(self) -> None:
        """Create the namespace and its links."""
        _ip("netns", "add", self.name)
        self._ip("link", "set", "lo", "up")
        for index, (leg, host) in enumerate(_LEGS.items()):
            net = f"10.{90 + index}.{self._number}"
            outer, inner = self._link(leg), f"{leg}0"
            _ip("link", "add", outer, "type", "veth", "peer", "name", inner)
            _ip("link", "set", inner, "netns", self.name)
            _ip("addr", "add", f"{net}.1/24", "dev", outer)
            _ip("link", "set", outer, "up")
            self._ip("addr", "add", f"{net}.2/24", "dev", inner)
            self._ip("link", "set", inner, "up")
            self._ip("route", "add", host, "via", f"{net}.1")

    def delete(self) -> None:
        """Delete the namespace, and its links with it."""
        with suppress(subprocess.CalledProcessError):
            _ip("netns", "del", self.name)

    def set_postgres_link(self, *, is_up: bool) -> None:
        """Cut the link to PostgreSQL, or join it."""
        _ip("link", "set", self._link("p"), "up" if is_up else "down")

    def _link(self, leg: str) -> str:
        return f"{self.name}{leg}"

    def _ip(self, *words: str) -> None:
        _ip("-n", self.name, *words)


@contextmanager
def namespaces(count: int) -> Iterator[list[Namespace]]:
    """Create `count` namespaces, and addresses of this machine that they reach."""
    found = [Namespace(number) for number in range(1, count + 1)]
    for namespace in found:
        namespace.delete()
    for host in _LEGS.values():
        with suppress(subprocess.CalledProcessError):
            _ip("addr", "add", f"{host}/32", "dev", "lo")
    try:
        for namespace in found:
            namespace.create()
        yield found
    finally:
        for namespace in found:
            namespace.delete()
        for host in _LEGS.values():
            _ip("addr", "del", f"{host}/32", "dev", "lo")


def _ip(*words: str) -> None:
    subprocess.run(("ip", *words), check=True, stderr=subprocess.DEVNULL)
