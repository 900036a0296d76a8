"""Tests of layer unit."""
