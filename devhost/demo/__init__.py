"""A small workload of jobs on the repo's own files, so that there is something to look into."""
