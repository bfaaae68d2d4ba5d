"""The demo school, created through the functions of the domain. Never in production."""
