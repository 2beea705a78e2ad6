"""What is managed: connections, queries and KPIs, checked before they are stored."""
