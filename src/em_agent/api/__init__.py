"""The HTTP API: `/v1` routes, health, Prometheus metrics, one error shape."""
