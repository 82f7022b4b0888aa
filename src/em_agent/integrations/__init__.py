"""One folder for each vendor: what its webhooks look like and what they mean."""
