"""Alerts leave the program: commands, webhooks, and the file that remembers what was announced."""
