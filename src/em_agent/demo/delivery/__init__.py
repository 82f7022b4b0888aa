"""A year of commits, deployments and issues at the demo company, tied to its incidents."""
