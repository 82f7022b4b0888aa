select
    incident_id,
    case when is_caused_by_change then deployment_key end as deployment_key,
    is_caused_by_change,
    decided_at
from {{ source("em_agent", "incident_deployments_by_hand") }}
where deployment_key is not null or not is_caused_by_change
