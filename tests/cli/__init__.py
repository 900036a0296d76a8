"""Tests of layer cli."""
