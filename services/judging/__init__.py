"""What a KPI's answer means: by its rule, and by its own past."""
