{{
    config(
        unique_key="incident_id",
        indexes=[{"columns": ["incident_id", "ordinal"], "unique": true}, {"columns": ["transformed_at"]}],
    )
}}

with incidents as (
    select
        incident_id,
        min(at) filter (where kind = 'triggered') as first_triggered_at,
        min(created_at) as created_at
    from {{ ref("int_incidents__merged") }}
    where {{ changed_incidents(ref("stg_pagerduty__incident_events")) }}
    group by incident_id
),

changes as (
    select
        incident_id,
        ordinal,
        -- One that was seen, or lies before a resolution, has no time.
        min(at) filter (where is_opening and kind in ('acknowledged', 'escalated', 'reopened')) as opened_at,
        min(kind) filter (where is_opening and kind in ('acknowledged', 'escalated', 'reopened')) as opened_by,
        min(at) filter (where kind = 'resolved') as resolved_at,
        max(at) filter (where kind = 'resolved') as last_resolved_at,
        count(*) filter (where kind = 'reopened') as explicit_reopenings
    from {{ ref("int_incidents__sequenced") }}
    where {{ changed_incidents(ref("stg_pagerduty__incident_events")) }}
    group by incident_id, ordinal
),

episodes as (
    select
        incidents.incident_id,
        coalesce(changes.ordinal, 1)::integer as ordinal,
        case
            when changes.ordinal > 1 then changes.opened_at
            else coalesce(incidents.first_triggered_at, incidents.created_at)
        end as started_at,
        case
            when changes.ordinal > 1 then coalesce(changes.opened_by, 'unseen')
            when incidents.first_triggered_at is not null then 'triggered'
            when incidents.created_at is not null then 'created'
        end as started_by,
        changes.resolved_at,
        changes.last_resolved_at,
        -- A reopening that was implied and then stated is one.
        greatest(changes.explicit_reopenings, (changes.ordinal > 1)::integer, 0)::integer as reopen_count
    from incidents
    left join changes on incidents.incident_id = changes.incident_id
)

select
    incident_id,
    ordinal,
    started_at,
    started_by,
    resolved_at,
    last_resolved_at,
    reopen_count,
    extract(epoch from resolved_at - started_at)::double precision as active_seconds,
    {{ mark_of_run() }} as transformed_at
from episodes
