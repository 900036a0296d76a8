"""Tests of layer server."""
