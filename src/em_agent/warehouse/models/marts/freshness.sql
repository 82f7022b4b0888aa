{{ config(unique_key="id", indexes=[{"columns": ["id"], "unique": true}]) }}

-- Written by every run, after all other models, so that whoever sees a new version here sees the rows that made it.
-- depends_on: {{ ref("fct_incidents_received") }}
-- depends_on: {{ ref("dim_services") }}
-- depends_on: {{ ref("dim_teams") }}
-- depends_on: {{ ref("dim_priorities") }}
-- depends_on: {{ ref("dim_escalation_policies") }}
-- depends_on: {{ ref("delivery_freshness") }}
-- depends_on: {{ ref("fct_changes") }}
-- depends_on: {{ ref("fct_deployed_commits") }}
-- depends_on: {{ ref("fct_incident_deployments") }}
-- depends_on: {{ ref("fct_incident_issues") }}
with included as (
    select max(last_received_at) as as_of
    from {{ ref("fct_incidents") }}
    {% if is_incremental() %} where transformed_at > {{ watermark() }} {% endif %}
)

select
    1 as id,
    {% if is_incremental() %}
        greatest(included.as_of, (select known.as_of from {{ this }} as known)) as as_of,
    {% else %}
        included.as_of,
    {% endif %}
    {{ mark_of_run() }} as transformed_at,
    clock_timestamp() as built_at
from included
