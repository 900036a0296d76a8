"""Fetches pages, joins them into one feed, and reads what is missing: pollers, stitching, backfill."""
