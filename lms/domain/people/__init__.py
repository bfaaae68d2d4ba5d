"""People of the service: who they are to each other, and who finds whom."""
