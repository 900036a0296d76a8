"""Dialogs: each asks for one decision, posts it as a message and closes."""
