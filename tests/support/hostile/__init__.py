"""Hostile strings, bodies and servers, and checks of their effects."""
