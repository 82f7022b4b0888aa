select
    kind,
    name,
    service
from {{ source("em_agent", "service_mapping") }}
