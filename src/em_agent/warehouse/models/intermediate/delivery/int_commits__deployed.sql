{{
    config(
        unique_key="deployment_key",
        indexes=[
            {"columns": ["deployment_key"]},
            {"columns": ["finished_at"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

select
    null::text as deployment_key,
    null::text as service_key,
    null::text as environment_key,
    null::text as repository,
    null::text as sha,
    null::timestamptz as committed_at,
    null::timestamptz as finished_at,
    null::double precision as lead_seconds,
    null::timestamptz as transformed_at
where false
