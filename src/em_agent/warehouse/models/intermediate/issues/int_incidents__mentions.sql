{{
    config(
        materialized="incremental",
        unique_key="incident_id",
        indexes=[
            {"columns": ["incident_id"]},
            {"columns": ["name"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

with incidents as (
    select
        incident_id,
        title
    from {{ ref("fct_incidents") }}
    where {{ changed_incidents(ref("fct_incidents")) }}
),

texts as (
    select
        incident_id,
        title as text
    from incidents
    union all
    select
        incident_id,
        note_text as text
    from {{ ref("stg_pagerduty__incident_events") }}
    where note_text is not null and {{ changed_incidents(ref("fct_incidents")) }}
),

mentions as (
    select
        texts.incident_id,
        told.source,
        told.name,
        max(told.how) as how
    from texts
    cross join lateral ({{ told_issues("texts.text") }}) as told
    group by texts.incident_id, told.source, told.name
)

-- One that mentions nothing has a row, too: it tells that this version of the incident was read.
select
    incidents.incident_id,
    mentions.source,
    mentions.name,
    mentions.how,
    {{ mark_of_run() }} as transformed_at
from incidents
left join mentions on incidents.incident_id = mentions.incident_id
