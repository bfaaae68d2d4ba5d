from tests.support.engines import postgres_template, school

__all__ = ["postgres_template", "school"]
