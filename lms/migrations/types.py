"""Column types as the migrations of the past know them: what the application does later changes nothing here."""

from __future__ import annotations

import sqlalchemy as sa


class UTCDateTime(sa.types.TypeDecorator[int]):
    """An instant: whole seconds since 1970."""

    impl = sa.BigInteger
    cache_ok = True
