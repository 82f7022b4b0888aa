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
            "{{ index_when_built('(incident_id) where note_text is not null') }}",
            "{{ index_when_built('(transformed_at) where note_text is not null') }}",
        ],
    )
}}

-- Whatever is not transformed yet is still in the outbox, so that only a full build reads all of events_raw.
with records as materialized (
    select
        events_raw.id as event_id,
        events_raw.source,
        events_raw.delivery_id,
        events_raw.occurred_at,
        events_raw.received_at,
        case
            when events_raw.source = 'pagerduty' then warehouse.read_event(events_raw.payload)
            else warehouse.read_record(events_raw.payload)
        end as record
    from {{ source("em_agent", "events_raw") }} as events_raw
    {% if is_incremental() %}
        inner join {{ source("em_agent", "outbox") }} as outbox on events_raw.id = outbox.event_id
    {% endif %}
    where
        events_raw.source in ('pagerduty', 'pagerduty_api', 'pagerduty_snapshot')
        {% if is_incremental() %}
            and not exists (
                select 1 from {{ this }} as done
                where done.event_id = events_raw.id
            )
        {% endif %}
),

-- A webhook carries an incident, or what refers to one, such as a note; so does what was read over REST: an entry of an
-- incident's log, a note, or the incident as it stood.
documents as (
    select
        event_id,
        delivery_id,
        occurred_at,
        received_at,
        'webhook' as origin,
        substring(record -> 'event_type' #>> '{}' from '^incident\.(.*)$') as kind,
        record -> 'data' as document,
        record -> 'data' as note,
        record -> 'agent' as agent,
        false as is_sole_witness
    from records
    where source = 'pagerduty' and record -> 'event_type' #>> '{}' like 'incident.%'
    union all
    select
        event_id,
        delivery_id,
        occurred_at,
        received_at,
        'log' as origin,
        {{ log_kind("record -> 'type'") }} as kind,
        record as document,
        null as note,
        record -> 'agent' as agent,
        false as is_sole_witness
    from records
    where source = 'pagerduty_api' and {{ log_kind("record -> 'type'") }} is not null
    union all
    select
        event_id,
        delivery_id,
        occurred_at,
        received_at,
        'snapshot' as origin,
        case when record -> 'note' is null then 'observed' else 'annotated' end as kind,
        case when record -> 'note' is null then record -> 'incident' else record end as document,
        record -> 'note' as note,
        case
            when record -> 'note' is null then record -> 'incident' -> 'last_status_change_by'
            else record -> 'note' -> 'user'
        end as agent,
        coalesce(
            json_typeof(record -> 'has_log') = 'boolean' and record ->> 'has_log' = 'false', false
        ) as is_sole_witness
    from records
    where
        source = 'pagerduty_snapshot'
        and record is not null
        and (record -> 'note' is null or {{ json_text("(record -> 'note' -> 'content')") }} <> '')
),

events as (
    select
        documents.*,
        {{ json_text("(documents.agent -> 'type')") }} as agent_type,
        {{ json_text("data.type") }} as data_type,
        data.*,
        coalesce(documents.occurred_at <= documents.received_at + interval '24 hours', false) as is_clock_believed
    from documents
    cross join lateral {{ incident_fields("documents.document", "data") }}
),

-- Notes, status updates, responders and the like refer to their incident. The older shape names no type.
snapshots as (
    select
        *,
        case
            when origin = 'webhook'
                then coalesce(data_type in ('incident', 'incident_reference'), document -> 'incident' is null)
            else origin = 'snapshot' and kind = 'observed'
        end as is_snapshot,
        kind = 'annotated' and coalesce({{ json_text("(note -> 'content')") }} <> '', false) as is_note,
        case
            when kind <> 'observed' or origin <> 'snapshot' then null
            when {{ json_text("status") }} in ('triggered', 'acknowledged')
                then warehouse.read_time({{ json_text("last_status_change_at") }})
            when {{ json_text("status") }} = 'resolved' and is_sole_witness
                then warehouse.read_time({{ json_text("resolved_at") }})
        end as status_at
    from events
)

select
    snapshots.event_id,
    snapshots.origin,
    snapshots.delivery_id,
    case
        when snapshots.is_snapshot then {{ json_id("snapshots.id") }}
        else coalesce(
            {{ json_id("snapshots.incident -> 'id'") }},
            case
                when snapshots.origin = 'webhook'
                    then {{ json_id("snapshots.incident_role_assignments -> 0 -> 'incident' -> 'id'") }}
            end
        )
    end as incident_id,
    case when snapshots.origin = 'webhook' then snapshots.document ->> 'id' end as document_id,
    snapshots.kind,
    case when snapshots.is_note then {{ json_id("(snapshots.note -> 'id')") }} end as note_id,
    case when snapshots.is_note then {{ json_text("(snapshots.note -> 'content')") }} end as note_text,
    case when snapshots.is_clock_believed then snapshots.occurred_at else snapshots.received_at end as at,
    {{ reading_rank("snapshots.kind") }} as reading_rank,
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
    case
        when snapshots.status_at <= snapshots.received_at + interval '24 hours' then snapshots.status #>> '{}'
    end as status,
    case
        when snapshots.status_at <= snapshots.received_at + interval '24 hours' then snapshots.status_at
    end as status_at,
    {{ mark_of_run() }} as transformed_at
from snapshots
