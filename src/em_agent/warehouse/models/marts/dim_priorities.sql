{{
    config(
        unique_key="priority_id",
        indexes=[{"columns": ["priority_id"], "unique": true}, {"columns": ["transformed_at"]}],
    )
}}

{{ dimension("priority") }}
