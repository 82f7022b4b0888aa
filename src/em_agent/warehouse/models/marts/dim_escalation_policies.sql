{{
    config(
        unique_key="escalation_policy_id",
        indexes=[{"columns": ["escalation_policy_id"], "unique": true}, {"columns": ["transformed_at"]}],
    )
}}

{{ dimension("escalation_policy") }}
