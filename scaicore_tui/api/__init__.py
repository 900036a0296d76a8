"""The HTTP client of the API: one client, one request budget, no knowledge of runs or of the journal."""
