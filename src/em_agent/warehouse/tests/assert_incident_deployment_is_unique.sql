-- An incident has at most one deployment in an environment.
select
    incident_id,
    environment_key
from {{ ref("fct_incident_deployments") }}
group by incident_id, environment_key
having count(*) > 1
