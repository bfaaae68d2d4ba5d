"""The school's verbs and questions, as plain functions. They know tables, never HTTP, and never commit."""
