"""The business rules, as plain functions. They use tables, never HTTP, and never commit."""
