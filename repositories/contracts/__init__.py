"""The whole storage contract on one page."""
