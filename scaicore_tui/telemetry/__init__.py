"""Sends traces of finished runs to a receiver of OTLP over HTTP, by the OpenTelemetry SDK (extra `otlp`).

Nothing else imports the SDK, and it is imported only when a recording sends traces.
"""
