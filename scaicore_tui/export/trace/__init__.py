"""Runs as traces, for other programs: trace events and OpenTelemetry spans."""
