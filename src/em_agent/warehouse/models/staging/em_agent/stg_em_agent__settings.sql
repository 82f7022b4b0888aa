select change_window_seconds
from {{ source("em_agent", "delivery_settings") }}
