"""The servers: an embedded ScaiGrid (`grid`), the REST proxy (`proxy`), and what hosts both on sockets.

The client never imports them, and they import nothing of the client.
"""
