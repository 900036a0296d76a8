"""Terminal input and output below Textual: the app writes only what changed, and only escape sequences it may write.

Output: `app` → `screen_buffer` (which cells changed) → `writer` (the fewest bytes) → `driver` → `escape_filter`.
Input: `driver` → `input` (Textual's messages) ← `sequences` (tokens). `job_control` handles Ctrl-Z. If Textual lacks
private parts that this needs, `capabilities` chooses `fallback`.
"""
