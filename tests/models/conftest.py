from tests.support.engines import house, postgres_template

__all__ = ["house", "postgres_template"]
