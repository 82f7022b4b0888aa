{{
    config(
        unique_key="service_id",
        indexes=[{"columns": ["service_id"], "unique": true}],
    )
}}

{{ dimension("service") }}
