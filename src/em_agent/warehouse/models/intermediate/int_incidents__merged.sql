-- What a snapshot says of the status, and since when, is a claim of its own beside the snapshot: with its id, negative.
with claims as (
    select
        event_id,
        incident_id,
        origin,
        delivery_id,
        kind,
        at,
        reading_rank,
        received_at,
        transformed_at,
        is_clock_suspect,
        is_by_person,
        is_merge,
        is_snapshot,
        states_priority,
        number,
        title,
        urgency,
        service_id,
        service_name,
        escalation_policy_id,
        escalation_policy_name,
        priority_id,
        priority_name,
        priority_severity,
        teams,
        created_at,
        html_url,
        'note ' || note_id as told_once
    from {{ ref("stg_pagerduty__incident_events") }}
    union all
    select
        -event_id as event_id,
        incident_id,
        origin,
        delivery_id,
        case status when 'resolved' then status else 'seen_' || status end as kind,
        status_at as at,
        case status when 'resolved' then 5 else 4 end as reading_rank,
        received_at,
        transformed_at,
        false as is_clock_suspect,
        is_by_person,
        false as is_merge,
        false as is_snapshot,
        false as states_priority,
        null as number,
        null as title,
        null as urgency,
        null as service_id,
        null as service_name,
        null as escalation_policy_id,
        null as escalation_policy_name,
        null as priority_id,
        null as priority_name,
        null as priority_severity,
        null as teams,
        null as created_at,
        null as html_url,
        status || ' ' || status_at as told_once
    from {{ ref("stg_pagerduty__incident_events") }}
    where status is not null
),

described as (
    select
        *,
        -- The log knows no word for passing an incident to another person.
        case kind when 'reassigned' then 'assigned' else kind end as log_kind,
        origin = 'snapshot' and kind not in ('resolved', 'annotated') as is_observed
    from claims
),

-- A log entry within two seconds of a webhook of its kind is the same fact.
compared as (
    select
        *,
        count(*) filter (where origin = 'webhook') over near_in_time as webhooks_near,
        count(*) filter (where origin = 'log') over near_in_time as logs_near,
        count(*) filter (where origin = 'snapshot') over near_in_time as snapshots_near,
        row_number() over (
            partition by incident_id, told_once
            order by (origin <> 'webhook'), at, reading_rank, delivery_id collate "C"
        ) as telling,
        bool_or(origin <> 'webhook') over incident as is_known_to_api,
        max(transformed_at) over incident as newest_at
    from described
    window
        incident as (partition by incident_id),
        near_in_time as (
            partition by incident_id, log_kind
            order by at
            range between interval '2 seconds' preceding and interval '2 seconds' following
        )
)

select
    event_id,
    incident_id,
    origin,
    delivery_id,
    kind,
    at,
    reading_rank,
    received_at,
    is_clock_suspect,
    is_by_person,
    is_snapshot,
    states_priority,
    number,
    title,
    urgency,
    service_id,
    service_name,
    escalation_policy_id,
    escalation_policy_name,
    priority_id,
    priority_name,
    priority_severity,
    teams,
    created_at,
    is_merge,
    html_url,
    newest_at as transformed_at,
    is_observed,
    is_known_to_api,
    kind = 'resolved' and (origin <> 'webhook' or logs_near + snapshots_near > 0) as is_attested
from compared
where
    is_observed
    or case origin
        when 'webhook' then true
        when 'log' then webhooks_near = 0 and (kind <> 'annotated' or snapshots_near = 0)
        else (told_once is null or telling = 1) and (kind <> 'resolved' or webhooks_near + logs_near = 0)
    end
