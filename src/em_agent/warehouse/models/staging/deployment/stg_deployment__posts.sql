{{
    config(
        unique_key="event_id",
        indexes=[
            {"columns": ["event_id"], "unique": true},
            {"columns": ["transformed_at"]},
        ],
        post_hook=["{{ index_when_built(\"(('deployment:' || deployment_id))\") }}"],
    )
}}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

records as materialized (
    {{ unstaged_events("deployment", []) }}
),

fields as (
    select
        records.event_id,
        records.delivery_id,
        records.received_at,
        {{ json_id("record -> 'id'") }} as deployment_id,
        {{ json_name("record -> 'service'") }} as service,
        {{ json_name("record -> 'environment'") }} as environment,
        {{ json_name("record -> 'repository'") }} as repository,
        {{ json_sha("record -> 'sha'") }} as sha,
        lower({{ json_text("record -> 'status'") }}) as status,
        lower({{ json_text("record -> 'kind'") }}) as kind,
        warehouse.read_time({{ json_text("record -> 'started_at'") }}) as started_at,
        warehouse.read_time({{ json_text("record -> 'finished_at'") }}) as finished_at,
        {{ json_id("record -> 'rollback_of'") }} as rollback_of,
        {{ json_id("record -> 'incident'") }} as incident,
        {{ json_text("record -> 'url'") }} as url
    from records
    where record is not null
)

select
    fields.event_id,
    fields.delivery_id,
    fields.deployment_id,
    fields.service,
    fields.environment,
    fields.repository,
    fields.sha,
    fields.status,
    case when fields.kind in ('planned', 'rollback', 'hotfix') then fields.kind end as kind,
    case
        when fields.started_at is not null then {{ believed("fields.started_at", "fields.received_at") }}
    end as started_at,
    case
        when fields.status in ('success', 'failure')
            then {{ believed("coalesce(fields.finished_at, fields.started_at)", "fields.received_at") }}
    end as finished_at,
    {{ believed("coalesce(fields.finished_at, fields.started_at)", "fields.received_at") }} as at,
    fields.rollback_of,
    fields.incident,
    fields.url,
    fields.received_at,
    coalesce(
        greatest(fields.started_at, fields.finished_at) > fields.received_at + interval '24 hours', false
    ) as is_clock_suspect,
    run.transformed_at
from fields
cross join run
where
    fields.deployment_id is not null
    and fields.service is not null
    and fields.environment is not null
    and fields.status in ('success', 'failure', 'in_progress')
