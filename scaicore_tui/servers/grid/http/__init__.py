"""The HTTP interface of the grid: authentication, rate limits, paging, routes and error responses."""
