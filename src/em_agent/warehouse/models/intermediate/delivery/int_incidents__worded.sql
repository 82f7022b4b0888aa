{{
    config(
        unique_key="incident_id",
        indexes=[
            {"columns": ["incident_id"], "unique": true},
            {"columns": ["triggered_at"]},
            {"columns": ["service_id"]},
            {"columns": ["words"], "type": "gin"},
            {"columns": ["sha_starts"], "type": "gin"},
            {"columns": ["service_keys"], "type": "gin"},
            {"columns": ["transformed_at"]},
        ],
    )
}}

-- depends_on: {{ ref("stg_pagerduty__incident_events") }}
with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

incidents as (
    select
        incidents.incident_id,
        incidents.triggered_at,
        incidents.service_id,
        lower(incidents.service_name) as service_name,
        lower(services.service_name) as newest_name
    from {{ ref("fct_incidents") }} as incidents
    left join {{ ref("dim_services") }} as services on incidents.service_id = services.service_id
    {% if is_incremental() %}
        where
            incidents.incident_id = any(array(
                select changed.incident_id from {{ ref("fct_incidents") }} as changed
                where {{ is_new_in("changed") }}
                union all
                select notes.incident_id from {{ ref("stg_pagerduty__incident_events") }} as notes
                where {{ is_new_in("notes") }} and notes.note_text is not null
                union all
                select known.incident_id from {{ ref("dim_services") }} as changed
                inner join {{ this }} as known
                    on
                        changed.service_id = known.service_id
                        and lower(changed.service_name) is distinct from known.newest_name
                where {{ is_new_in("changed") }}
            ))
    {% endif %}
),

-- The service that the mapping names; else every name that the incident's service has or had.
serviced as (
    select
        incidents.incident_id,
        incidents.triggered_at,
        incidents.service_id,
        incidents.newest_name,
        case
            when coalesce(of_id.service, of_newest.service, of_name.service) is not null
                then array[lower(coalesce(of_id.service, of_newest.service, of_name.service))]
            else array(
                select distinct names.name collate "C"
                from
                    unnest(array[lower(incidents.service_id), incidents.service_name, incidents.newest_name])
                        as names (name)
                where names.name is not null
                order by names.name collate "C"
            )
        end as service_keys
    from incidents
    left join {{ ref("stg_em_agent__service_names") }} as of_id
        on of_id.kind = 'pagerduty' and lower(incidents.service_id) = of_id.name
    left join {{ ref("stg_em_agent__service_names") }} as of_newest
        on of_newest.kind = 'pagerduty' and incidents.newest_name = of_newest.name
    left join {{ ref("stg_em_agent__service_names") }} as of_name
        on of_name.kind = 'pagerduty' and incidents.service_name = of_name.name
),

words as (
    select distinct
        written.incident_id,
        found.word[1] as word
    from incidents
    inner join {{ ref("int_incidents__written") }} as written on incidents.incident_id = written.incident_id
    cross join lateral regexp_matches(written.text, {{ word_pattern() }}, 'g') as found (word)
    where length(found.word[1]) <= 200
),

lists as (
    select
        incident_id,
        array_agg(word order by word collate "C") as words,
        array_agg(distinct left(lower(word), 7)) filter (where lower(word) ~ '^[0-9a-f]{7,64}$') as sha_starts
    from words
    group by incident_id
)

select
    serviced.incident_id,
    serviced.triggered_at,
    serviced.service_id,
    serviced.newest_name,
    serviced.service_keys,
    coalesce(lists.words, '{}') as words,
    coalesce(lists.sha_starts, '{}') as sha_starts,
    run.transformed_at
from serviced
cross join run
left join lists on serviced.incident_id = lists.incident_id
{% if is_incremental() %}
    left join {{ this }} as known on serviced.incident_id = known.incident_id
    where
        known.incident_id is null
        or known.triggered_at is distinct from serviced.triggered_at
        or known.service_id is distinct from serviced.service_id
        or known.newest_name is distinct from serviced.newest_name
        or known.service_keys <> serviced.service_keys
        or known.words <> coalesce(lists.words, '{}')
{% endif %}
