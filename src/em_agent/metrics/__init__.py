"""Incident metrics, read from the marts that dbt builds."""
