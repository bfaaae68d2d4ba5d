"""Found before the installed package on `./dev test --standard-sqlite`: as on a machine without a wheel."""

raise ImportError("hidden by ./dev test --standard-sqlite")
