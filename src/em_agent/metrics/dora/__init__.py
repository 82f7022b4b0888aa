"""The five DORA metrics, deployments, and the bands that reports give to figures."""
