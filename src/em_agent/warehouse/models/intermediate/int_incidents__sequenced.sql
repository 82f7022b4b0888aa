{%- set in_order = 'order by at, reading_rank, delivery_id collate "C"' %}

-- Work on a resolved incident implies that it was reopened, and so does seeing it open.
with state_changes as (
    select
        event_id,
        incident_id,
        kind,
        at,
        reading_rank,
        delivery_id,
        is_attested,
        kind <> 'resolved'
        and coalesce(lag(kind) over (partition by incident_id {{ in_order }}) = 'resolved', false) as is_opening
    from {{ ref("int_incidents__merged") }}
    where
        kind in ('acknowledged', 'escalated', 'reopened', 'resolved', 'seen_triggered', 'seen_acknowledged')
),

stretches as (
    select
        *,
        count(*) filter (where is_opening) over (
            partition by incident_id {{ in_order }} rows between unbounded preceding and current row
        ) as stretch
    from state_changes
),

-- REST names no reopening, and each resolution once: between two of them lies one that nobody saw.
reopenings as (
    select
        *,
        coalesce(is_attested, false) and count(*) filter (where is_attested) over (
            partition by incident_id, stretch {{ in_order }} rows between unbounded preceding and 1 preceding
        ) > 0 as is_reopened_unseen
    from stretches
)

select
    event_id,
    incident_id,
    kind,
    at,
    reading_rank,
    delivery_id,
    is_opening,
    is_reopened_unseen,
    1 + count(*) filter (where is_opening or is_reopened_unseen) over (
        partition by incident_id {{ in_order }} rows between unbounded preceding and current row
    ) as ordinal
from reopenings
