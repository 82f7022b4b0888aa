"""The live state of incidents: kept by a worker, read by the API."""
