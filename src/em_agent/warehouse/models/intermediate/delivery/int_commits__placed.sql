{{
    config(
        unique_key=["repository", "sha"],
        indexes=[
            {"columns": ["repository", "sha"], "unique": true},
            {"columns": ["transformed_at"]},
        ],
    )
}}

select
    null::text as repository,
    null::text as sha,
    null::bigint as position,
    array[]::bigint[] as push_seqs,
    null::timestamptz as committed_at,
    null::text as title,
    null::text as author,
    null::text as url,
    null::timestamptz as transformed_at
where false
