"""Hostile strings, bodies and servers, and the checks of what they may do."""
