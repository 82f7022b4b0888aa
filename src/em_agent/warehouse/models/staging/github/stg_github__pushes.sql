{{
    config(
        unique_key="event_id",
        indexes=[
            {"columns": ["event_id"], "unique": true},
            {"columns": ["repository", "before_sha"]},
            {"columns": ["repository", "after_sha"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

-- Only pushes to the default branch, as it was then.
with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

records as materialized (
    {{ unstaged_events("github", ["push"]) }}
),

fields as (
    select
        event_id,
        delivery_id,
        occurred_at,
        received_at,
        record,
        record -> 'head_commit' as head_commit,
        {{ json_name("(record -> 'repository' -> 'full_name')") }} as repository_name,
        coalesce(
            {{ json_name("(record -> 'repository' -> 'default_branch')") }},
            {{ json_name("(record -> 'repository' -> 'master_branch')") }},
            substring({{ json_text("(record -> 'ref')") }} from '^refs/heads/(main|master)$')
        ) as default_branch,
        {{ json_sha("(record -> 'before')") }} as before_sha,
        {{ json_sha("(record -> 'after')") }} as after_sha,
        {{ json_true("(record -> 'forced')") }} as is_forced,
        case
            when (record -> 'repository' -> 'pushed_at') #>> '{}' ~ '^[0-9]{1,10}$'
                then to_timestamp(((record -> 'repository' -> 'pushed_at') #>> '{}')::bigint)
            else warehouse.read_time({{ json_text("(record -> 'repository' -> 'pushed_at')") }})
        end as pushed_at
    from records
    where record is not null and {{ json_text("(record -> 'ref')") }} like 'refs/heads/%'
),

-- Commits in their order, each once; the new tip is one of them even where the list is cut or empty.
listed as (
    select
        fields.event_id,
        commits.position,
        {{ json_sha("(commits.value -> 'id')") }} as sha,
        commits.value
    from fields
    cross join
        lateral json_array_elements(
            case when json_typeof(record -> 'commits') = 'array' then record -> 'commits' else '[]'::json end
        ) with ordinality as commits (value, position)
    union all
    select
        event_id,
        1000000 as position,
        after_sha as sha,
        case when {{ json_sha("(head_commit -> 'id')") }} = after_sha then head_commit end as value
    from fields
    where after_sha !~ '^0+$'
),

commits as (
    select distinct on (event_id, sha)
        event_id,
        position,
        sha,
        warehouse.read_time({{ json_text("(value -> 'timestamp')") }}) as committed_at,
        left(split_part({{ json_text("(value -> 'message')") }}, E'\n', 1), 400) as title,
        coalesce(
            {{ json_name("(value -> 'author' -> 'username')") }}, {{ json_name("(value -> 'author' -> 'name')") }}
        ) as author,
        {{ json_name("(value -> 'url')") }} as url
    from listed
    where sha is not null
    order by event_id, sha, position
),

lists as (
    select
        event_id,
        count(*) filter (where position < 1000000) as commit_count,
        jsonb_agg(
            jsonb_build_object('sha', sha, 'at', committed_at, 'title', title, 'author', author, 'url', url)
            order by position
        ) as commits
    from commits
    group by event_id
)

select
    fields.event_id,
    fields.delivery_id,
    lower(fields.repository_name) as repository,
    fields.repository_name,
    fields.before_sha,
    fields.after_sha,
    fields.before_sha ~ '^0+$' as is_created,
    fields.after_sha ~ '^0+$' as is_deleted,
    fields.is_forced,
    coalesce(lists.commit_count, 0)::integer as commit_count,
    coalesce(lists.commits, '[]') as commits,
    fields.pushed_at,
    {{ believed("coalesce(fields.pushed_at, fields.occurred_at)", "fields.received_at") }} as at,
    fields.received_at,
    run.transformed_at
from fields
cross join run
left join lists on fields.event_id = lists.event_id
where
    fields.repository_name is not null
    and fields.before_sha is not null
    and fields.after_sha is not null
    and {{ json_text("(fields.record -> 'ref')") }} = 'refs/heads/' || fields.default_branch
