"""A local stand-in for the Azure Functions host: `python -m devhost`. The app never imports it."""
