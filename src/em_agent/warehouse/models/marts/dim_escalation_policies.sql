{{
    config(
        unique_key="escalation_policy_id",
        indexes=[{"columns": ["escalation_policy_id"], "unique": true}],
    )
}}

{{ dimension("escalation_policy") }}
