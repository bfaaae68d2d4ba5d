"""Uploaded files: recognise them by content, clean them, or reject them with a reason."""
