"""Rounds of due KPIs: taking them, running them side by side, storing what they came to."""
