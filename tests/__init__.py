"""The tests, by layer: unit, server, cli, tui."""
