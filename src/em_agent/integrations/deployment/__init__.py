"""Deployments as any pipeline posts them."""
