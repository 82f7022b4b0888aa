-- An acknowledgement or escalation of a resolved incident implies that it was reopened.
with state_changes as (
    select
        event_id,
        incident_id,
        kind,
        at,
        reading_rank,
        delivery_id,
        is_by_person,
        is_merge,
        kind <> 'resolved'
        and coalesce(lag(kind) over (
            partition by incident_id order by at, reading_rank, delivery_id collate "C"
        ) = 'resolved', false) as is_opening
    from {{ ref("stg_pagerduty__incident_events") }}
    where kind in ('acknowledged', 'escalated', 'reopened', 'resolved')
)

select
    *,
    1 + count(*) filter (where is_opening) over (
        partition by incident_id
        order by at, reading_rank, delivery_id collate "C"
        rows between unbounded preceding and current row
    ) as ordinal
from state_changes
