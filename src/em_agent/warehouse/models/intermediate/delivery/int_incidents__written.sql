{{ config(materialized="replaced_view") }}

select
    incident_id,
    title as text
from {{ ref("fct_incidents") }}
where title is not null
union all
select
    incident_id,
    note_text as text
from {{ ref("stg_pagerduty__incident_events") }}
where note_text is not null and incident_id is not null
