{{
    config(
        unique_key="incident_id",
        indexes=[
            {"columns": ["incident_id"]},
            {"columns": ["deployment_key"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

select
    null::text as incident_id,
    null::text as environment_key,
    null::text as deployment_key,
    null::text as method,
    null::double precision as confidence,
    null::timestamptz as transformed_at
where false
