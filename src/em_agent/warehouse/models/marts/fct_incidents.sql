{{
    config(
        unique_key="incident_id",
        indexes=[
            {"columns": ["incident_id"], "unique": true},
            {"columns": ["transformed_at"]},
            {"columns": ["resolved_at"]},
            {"columns": ["number"]},
            {"columns": ["title_key", "service_key", "triggered_at"]},
        ],
        post_hook=["{{ index_when_built(metrics_index()) }}"],
    )
}}

{%- set newest_first = 'order by at desc, reading_rank desc, delivery_id collate "C" desc' %}

with events as (
    select *
    from {{ ref("int_incidents__merged") }}
    where {{ changed_incidents(ref("fct_incident_episodes")) }}
),

priorities as (
    select
        incident_id,
        priority_severity < lag(priority_severity) over (
            partition by incident_id order by at, reading_rank, delivery_id collate "C"
        ) as is_raised
    from events
    where states_priority
),

raised as (
    select
        incident_id,
        bool_or(is_raised) as is_raised
    from priorities
    group by incident_id
),

-- Each field has the value of the newest snapshot that states it.
incidents as (
    select
        incident_id,
        (array_agg(number {{ newest_first }}) filter (where number is not null))[1] as number,
        (array_agg(title {{ newest_first }}) filter (where title is not null))[1] as title,
        (array_agg(html_url {{ newest_first }}) filter (where html_url is not null))[1] as html_url,
        (array_agg(urgency {{ newest_first }}) filter (where urgency is not null))[1] as urgency,
        (array_agg(event_id {{ newest_first }}) filter (
            where service_id is not null or service_name is not null
        ))[1] as service_event_id,
        (array_agg(event_id {{ newest_first }}) filter (
            where escalation_policy_id is not null or escalation_policy_name is not null
        ))[1] as policy_event_id,
        (array_agg(event_id {{ newest_first }}) filter (where states_priority))[1] as priority_event_id,
        (array_agg(event_id {{ newest_first }}) filter (where teams is not null))[1] as teams_event_id,
        (array_agg(event_id {{ newest_first }}) filter (where kind = 'resolved'))[1] as resolution_event_id,
        (array_agg(kind {{ newest_first }}) filter (
            where kind in (
                'acknowledged', 'unacknowledged', 'escalated', 'delegated', 'resolved', 'seen_triggered',
                'seen_acknowledged'
            )
        ))[1] as newest_change,
        (array_agg(is_merge {{ newest_first }}) filter (where is_snapshot))[1] as is_merge_now,
        coalesce(min(at) filter (where kind = 'triggered'), min(created_at)) as triggered_at,
        coalesce(
            (array_agg(origin order by at, reading_rank, delivery_id collate "C") filter (where kind = 'triggered'))[1],
            (array_agg(origin order by created_at, (origin <> 'webhook')) filter (where created_at is not null))[1]
        ) as triggered_by,
        min(at) filter (where kind = 'acknowledged') as acknowledged_at,
        (array_agg(origin order by at, reading_rank, delivery_id collate "C") filter (
            where kind = 'acknowledged'
        ))[1] as acknowledged_by,
        count(*) filter (where kind = 'escalated') as escalation_count,
        coalesce(bool_or(kind in ('delegated', 'reassigned')), false) as is_handed_over,
        coalesce(bool_or(is_clock_suspect) filter (where is_observed is not true), false) as is_clock_suspect,
        -- What was merely seen is no event, and moves nothing.
        count(*) filter (where is_observed is not true) as event_count,
        coalesce(
            max(at) filter (where is_observed is not true), min(created_at), max(at) filter (where kind = 'observed')
        ) as last_event_at,
        max(received_at) filter (where is_observed is not true) as last_received_at,
        coalesce(bool_or(origin = 'webhook'), false) as is_known_to_webhooks,
        coalesce(bool_or(is_known_to_api), false) as is_known_to_api
    from events
    group by incident_id
),

episodes as (
    select
        incident_id,
        (array_agg(last_resolved_at order by ordinal desc))[1] as resolved_at,
        sum(reopen_count)::integer as reopen_count,
        sum(active_seconds) as active_seconds,
        coalesce(bool_or(active_seconds < 0), false) as has_negative,
        bool_or(resolved_at is not null and started_at is null) as has_unseen
    from {{ ref("fct_incident_episodes") }}
    where {{ changed_incidents(ref("fct_incident_episodes")) }}
    group by incident_id
),

-- A webhook says itself whether it came of a merge; of what REST tells the newest snapshot does.
resolutions as (
    select
        events.event_id,
        events.origin,
        events.is_by_person,
        coalesce(
            case when events.origin in ('log', 'snapshot') then incidents.is_merge_now else events.is_merge end, false
        ) as is_merge
    from incidents
    inner join events on incidents.resolution_event_id = events.event_id
),

durations as (
    select
        incidents.*,
        episodes.resolved_at,
        episodes.reopen_count,
        extract(epoch from incidents.acknowledged_at - incidents.triggered_at)::double precision as acknowledge_seconds,
        extract(epoch from episodes.resolved_at - incidents.triggered_at)::double precision as resolve_seconds,
        case
            when episodes.resolved_at is not null and episodes.has_unseen is not true then episodes.active_seconds
        end as active_seconds,
        episodes.resolved_at is not null and episodes.has_negative as has_negative_episode
    from incidents
    inner join episodes on incidents.incident_id = episodes.incident_id
)

select
    durations.incident_id,
    durations.number,
    durations.title,
    {{ title_key("durations.title") }} as title_key,
    durations.html_url,
    case
        when durations.resolved_at is not null then 'resolved'
        when durations.newest_change in ('acknowledged', 'seen_acknowledged') then 'acknowledged'
        else 'triggered'
    end as status,
    durations.urgency,
    service.service_id,
    service.service_name,
    priority.priority_id,
    priority.priority_name,
    policy.escalation_policy_id,
    policy.escalation_policy_name,
    array(
        select team.value ->> 'id' from jsonb_array_elements(teams.teams) with ordinality as team (value, position)
        order by team.position
    ) as team_ids,
    array(
        select team.value ->> 'name' from jsonb_array_elements(teams.teams) with ordinality as team (value, position)
        order by team.position
    ) as team_names,
    coalesce(service.service_id, left(service.service_name, 200)) as service_key,
    coalesce(priority.priority_id, left(priority.priority_name, 200)) as priority_key,
    coalesce(policy.escalation_policy_id, left(policy.escalation_policy_name, 200)) as escalation_policy_key,
    durations.triggered_at,
    durations.acknowledged_at,
    durations.resolved_at,
    case when durations.acknowledge_seconds >= 0 then durations.acknowledge_seconds end as time_to_acknowledge_seconds,
    case when durations.resolve_seconds >= 0 then durations.resolve_seconds end as time_to_resolve_seconds,
    case
        when durations.triggered_at is not null and not durations.has_negative_episode then durations.active_seconds
    end as active_seconds,
    durations.reopen_count,
    durations.escalation_count::integer as escalation_count,
    durations.is_handed_over,
    coalesce(raised.is_raised, false) as is_priority_raised,
    durations.resolved_at is not null and resolution.is_merge as is_merged,
    durations.resolved_at is not null and not resolution.is_merge and not resolution.is_by_person as is_auto_resolved,
    {{ sender("durations.triggered_by") }} as triggered_from,
    {{ sender("durations.acknowledged_by") }} as acknowledged_from,
    case when durations.resolved_at is not null then {{ sender("resolution.origin") }} end as resolved_from,
    durations.is_known_to_webhooks,
    durations.is_known_to_api,
    durations.triggered_at is null as is_incomplete,
    coalesce(durations.acknowledge_seconds < 0, false)
    or coalesce(durations.resolve_seconds < 0, false)
    or durations.has_negative_episode as is_impossible,
    durations.is_clock_suspect,
    durations.event_count::integer as event_count,
    durations.last_event_at,
    durations.last_received_at,
    {{ mark_of_run() }} as transformed_at
from durations
left join raised on durations.incident_id = raised.incident_id
left join events as service on durations.service_event_id = service.event_id
left join events as policy on durations.policy_event_id = policy.event_id
left join events as priority on durations.priority_event_id = priority.event_id
left join events as teams on durations.teams_event_id = teams.event_id
left join resolutions as resolution on durations.resolution_event_id = resolution.event_id
{% if not is_incremental() %}
-- Incidents of one window lie side by side.
order by durations.triggered_at
{% endif %}
