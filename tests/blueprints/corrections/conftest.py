from tests.support.engines import postgres_template, school, shared_postgres_school

__all__ = ["postgres_template", "school", "shared_postgres_school"]
