{{
    config(
        unique_key="event_id",
        indexes=[
            {"columns": ["event_id"], "unique": true},
            {"columns": ["transformed_at"]},
        ],
        post_hook=["{{ index_when_built(\"(('github:' || deployment_id))\") }}"],
    )
}}

-- A deployment, or a status of one; both carry the deployment itself.
with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

records as materialized (
    {{ unstaged_events("github", ["deployment", "deployment_status"]) }}
),

parts as (
    select
        *,
        record -> 'deployment' as deployment,
        record -> 'deployment_status' as status,
        record -> 'deployment' -> 'payload' as payload
    from records
    where record is not null
),

fields as (
    select
        event_id,
        delivery_id,
        occurred_at,
        received_at,
        {{ json_id("(deployment -> 'id')") }} as deployment_id,
        {{ json_name("(record -> 'repository' -> 'full_name')") }} as repository,
        {{ json_sha("(deployment -> 'sha')") }} as sha,
        coalesce(
            {{ json_name("(status -> 'environment')") }}, {{ json_name("(deployment -> 'environment')") }}
        ) as environment,
        lower({{ json_text("(status -> 'state')") }}) as state,
        coalesce(
            {{ stated_kind(json_text("(deployment -> 'task')")) }},
            {{ stated_kind(json_text("payload")) }},
            {{ stated_kind(json_text("(payload -> 'kind')")) }},
            {{ stated_kind(json_text("(payload -> 'task')")) }},
            {{ stated_kind(json_text("(payload -> 'type')")) }},
            case
                when
                    {{ json_true("(payload -> 'rollback')") }}
                    or {{ json_id("(payload -> 'rollback_of')") }} is not null
                    then 'rollback'
                when {{ json_true("(payload -> 'hotfix')") }} then 'hotfix'
            end
        ) as kind,
        {{ json_id("(payload -> 'rollback_of')") }} as rollback_of,
        {{ json_id("(payload -> 'incident')") }} as incident,
        warehouse.read_time({{ json_text("(deployment -> 'created_at')") }}) as created_at,
        coalesce(
            warehouse.read_time({{ json_text("(status -> 'created_at')") }}),
            occurred_at,
            warehouse.read_time({{ json_text("(deployment -> 'created_at')") }})
        ) as stated_at,
        coalesce(
            {{ json_name("(status -> 'log_url')") }},
            {{ json_name("(status -> 'target_url')") }},
            {{ json_name("(deployment -> 'url')") }}
        ) as url
    from parts
)

select
    fields.event_id,
    fields.delivery_id,
    fields.deployment_id,
    fields.repository,
    fields.sha,
    coalesce(fields.environment, 'production') as environment,
    case fields.state
        when 'success' then 'success' when 'failure' then 'failure' when 'error' then 'failure' else 'in_progress'
    end as status,
    fields.kind,
    case
        when fields.created_at is not null then {{ believed("fields.created_at", "fields.received_at") }}
    end as started_at,
    {{ believed("fields.stated_at", "fields.received_at") }} as at,
    fields.rollback_of,
    fields.incident,
    fields.url,
    fields.received_at,
    coalesce(fields.stated_at > fields.received_at + interval '24 hours', false) as is_clock_suspect,
    run.transformed_at
from fields
cross join run
where fields.deployment_id is not null and fields.repository is not null
