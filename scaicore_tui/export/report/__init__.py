"""Reports of runs for people: HTML, Markdown and SVG."""
