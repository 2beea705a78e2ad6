"""The secrets in connections' addresses: encrypted to be stored, and read where they stand."""
