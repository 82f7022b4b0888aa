{{
    config(
        unique_key="priority_id",
        indexes=[{"columns": ["priority_id"], "unique": true}],
    )
}}

{{ dimension("priority") }}
