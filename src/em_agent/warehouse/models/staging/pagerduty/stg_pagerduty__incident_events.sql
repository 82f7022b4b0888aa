{{
    config(
        unique_key="event_id",
        indexes=[
            {"columns": ["event_id"], "unique": true},
            {"columns": ["incident_id"]},
            {"columns": ["transformed_at", "incident_id"]},
        ],
        post_hook=[
            "{{ index_when_built('(transformed_at) where service_id is not null') }}",
            "{{ index_when_built('(transformed_at) where priority_id is not null') }}",
            "{{ index_when_built('(transformed_at) where escalation_policy_id is not null') }}",
            "{{ index_when_built(\"(transformed_at) where teams <> '[]'\") }}",
        ],
    )
}}

-- Whatever is not transformed yet is still in the outbox, so that only a full build reads all of events_raw.
with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

envelopes as materialized (
    select
        events_raw.id as event_id,
        events_raw.delivery_id,
        events_raw.occurred_at,
        events_raw.received_at,
        warehouse.read_event(events_raw.payload) as event
    from {{ source("em_agent", "events_raw") }} as events_raw
    {% if is_incremental() %}
        inner join {{ source("em_agent", "outbox") }} as outbox on events_raw.id = outbox.event_id
    {% endif %}
    where
        events_raw.source = 'pagerduty'
        {% if is_incremental() %}
            and not exists (
                select 1 from {{ this }} as done
                where done.event_id = events_raw.id
            )
        {% endif %}
),

events as (
    select
        envelopes.*,
        event.event_type #>> '{}' as event_type,
        event.data as document,
        {{ json_text("(event.agent -> 'type')") }} as agent_type,
        {{ json_text("data.type") }} as data_type,
        data.*
    from envelopes
    cross join lateral json_to_record(envelopes.event) as event (event_type json, agent json, data json)
    cross join lateral {{ incident_fields("event.data", "data") }}
    where event.event_type #>> '{}' like 'incident.%'
),

-- Notes, status updates, responders and the like refer to their incident. The older shape names no type.
snapshots as (
    select
        *,
        coalesce(
            data_type in ('incident', 'incident_reference'),
            document -> 'incident' is null
        ) as is_snapshot,
        coalesce(occurred_at <= received_at + interval '24 hours', false) as is_clock_believed
    from events
)

select
    snapshots.event_id,
    snapshots.delivery_id,
    case
        when snapshots.is_snapshot then {{ json_id("snapshots.id") }}
        else coalesce(
            {{ json_id("snapshots.incident -> 'id'") }},
            {{ json_id("snapshots.incident_role_assignments -> 0 -> 'incident' -> 'id'") }}
        )
    end as incident_id,
    snapshots.document ->> 'id' as document_id,
    substring(snapshots.event_type from '^incident\.(.*)$') as kind,
    case when snapshots.is_clock_believed then snapshots.occurred_at else snapshots.received_at end as at,
    case snapshots.event_type
        when 'incident.triggered' then 0
        when 'incident.acknowledged' then 1
        when 'incident.reopened' then 2
        when 'incident.resolved' then 4
        else 3
    end as reading_rank,
    snapshots.occurred_at,
    snapshots.received_at,
    snapshots.occurred_at is not null and not snapshots.is_clock_believed as is_clock_suspect,
    coalesce(snapshots.agent_type in ('user_reference', 'user'), false) as is_by_person,
    snapshots.is_snapshot,
    case when snapshots.is_snapshot then {{ read_incident_number("snapshots") }} end as number,
    case when snapshots.is_snapshot then nullif({{ json_text("snapshots.title") }}, '') end as title,
    case
        when snapshots.is_snapshot and {{ json_text("snapshots.urgency") }} in ('high', 'low')
            then snapshots.urgency #>> '{}'
    end as urgency,
    case when snapshots.is_snapshot then {{ reference_id("snapshots.service") }} end as service_id,
    case when snapshots.is_snapshot then {{ reference_name("snapshots.service") }} end as service_name,
    case when snapshots.is_snapshot then {{ reference_id("snapshots.escalation_policy") }} end as escalation_policy_id,
    case
        when snapshots.is_snapshot then {{ reference_name("snapshots.escalation_policy") }}
    end as escalation_policy_name,
    snapshots.is_snapshot and coalesce(
        {{ reference_id("snapshots.priority") }} is not null
        or {{ reference_name("snapshots.priority") }} is not null
        or json_typeof(snapshots.document -> 'priority') = 'null',
        false
    ) as states_priority,
    case when snapshots.is_snapshot then {{ reference_id("snapshots.priority") }} end as priority_id,
    case when snapshots.is_snapshot then {{ reference_name("snapshots.priority") }} end as priority_name,
    left(substring({{ reference_name("snapshots.priority") }} from '[0-9]+'), 100)::numeric as priority_severity,
    case when snapshots.is_snapshot then {{ stated_teams("snapshots.teams") }} end as teams,
    case when snapshots.is_snapshot then warehouse.read_time({{ json_text("snapshots.created_at") }}) end as created_at,
    snapshots.is_snapshot
    and coalesce({{ json_text("snapshots.resolve_reason -> 'type'") }} = 'merge_resolve_reason', false) as is_merge,
    case when snapshots.is_snapshot then nullif({{ json_text("snapshots.html_url") }}, '') end as html_url,
    run.transformed_at
from snapshots
cross join run
