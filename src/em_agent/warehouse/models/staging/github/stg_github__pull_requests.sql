{{
    config(
        unique_key="event_id",
        indexes=[
            {"columns": ["event_id"], "unique": true},
            {"columns": ["repository", "number"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

records as materialized (
    {{ unstaged_events("github", ["pull_request"]) }}
),

fields as (
    select
        event_id,
        delivery_id,
        occurred_at,
        received_at,
        record -> 'pull_request' as pull_request,
        {{ json_name("(record -> 'repository' -> 'full_name')") }} as repository_name
    from records
    where record is not null
),

read as (
    select
        event_id,
        delivery_id,
        received_at,
        repository_name,
        substring((pull_request -> 'number') #>> '{}' from '^[0-9]{1,18}$')::bigint as number,
        left(nullif({{ json_text("(pull_request -> 'title')") }}, ''), 400) as title,
        {{ json_name("(pull_request -> 'user' -> 'login')") }} as author,
        {{ json_name("(pull_request -> 'html_url')") }} as url,
        {{ json_name("(pull_request -> 'state')") }} as state,
        {{ json_sha("(pull_request -> 'merge_commit_sha')") }} as merge_sha,
        warehouse.read_time({{ json_text("(pull_request -> 'created_at')") }}) as created_at,
        warehouse.read_time({{ json_text("(pull_request -> 'merged_at')") }}) as merged_at,
        warehouse.read_time({{ json_text("(pull_request -> 'closed_at')") }}) as closed_at,
        coalesce(warehouse.read_time({{ json_text("(pull_request -> 'updated_at')") }}), occurred_at) as updated_at
    from fields
)

select
    read.event_id,
    read.delivery_id,
    lower(read.repository_name) as repository,
    read.repository_name,
    read.number,
    read.title,
    read.author,
    read.url,
    read.state,
    read.merge_sha,
    read.created_at,
    read.merged_at,
    read.closed_at,
    {{ believed("read.updated_at", "read.received_at") }} as at,
    read.received_at,
    run.transformed_at
from read
cross join run
where read.repository_name is not null and read.number is not null
