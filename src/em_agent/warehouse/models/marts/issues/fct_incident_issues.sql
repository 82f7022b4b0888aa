{{ config(materialized="replaced_view") }}

-- A view: whichever of the two came last, the link is there at once.
with pairs as (
    select
        mentions.incident_id,
        names.issue_key,
        case mentions.how when 'url' then 1 else 2 end as rank,
        greatest(mentions.transformed_at, names.transformed_at) as transformed_at
    from {{ ref("int_incidents__mentions") }} as mentions
    inner join {{ ref("int_issues__names") }} as names
        on
            mentions.name = names.name
            and names.kind = 'name'
            and (mentions.source is null or mentions.source = names.source)
    union all
    select
        incidents.incident_id,
        names.issue_key,
        3 as rank,
        names.transformed_at
    from {{ ref("fct_incidents") }} as incidents
    inner join {{ ref("int_issues__names") }} as names
        on
            incidents.incident_id = names.name
            and names.kind = 'incident_id'
    union all
    -- A number may have been given to incidents of two accounts: the newest is meant.
    select
        incidents.incident_id,
        names.issue_key,
        3 as rank,
        names.transformed_at
    from {{ ref("fct_incidents") }} as incidents
    inner join {{ ref("int_issues__names") }} as names
        on
            incidents.number::text = names.name
            and names.kind = 'incident_number'
    where
        not exists (
            select 1 from {{ ref("fct_incidents") }} as newer
            where
                newer.number = incidents.number
                and (newer.last_event_at, newer.incident_id) > (incidents.last_event_at, incidents.incident_id)
        )
)

select
    pairs.incident_id,
    pairs.issue_key,
    case min(pairs.rank) when 1 then 'url' when 2 then 'key' else 'named_by_issue' end as how,
    max(pairs.transformed_at) as transformed_at
from pairs
inner join {{ ref("fct_issues") }} as issues on pairs.issue_key = issues.issue_key
where not issues.is_deleted
group by pairs.incident_id, pairs.issue_key
