-- The key of an episode is its incident and ordinal.
select
    incident_id,
    ordinal
from {{ ref("fct_incident_episodes") }}
group by incident_id, ordinal
having count(*) > 1
