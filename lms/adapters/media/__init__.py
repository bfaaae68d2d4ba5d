"""Files that people send: recognised by content, cleaned or refused with a reason."""
