"""Rows as the rest of the app sees them: frozen, times aware and in UTC, engine-neutral."""
