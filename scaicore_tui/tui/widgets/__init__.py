"""Widgets: they show the values passed to them and post messages. They do no I/O."""
