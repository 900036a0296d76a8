"""Writes runs and checkpoints in documented formats. Pure: returns data, opens no files."""
