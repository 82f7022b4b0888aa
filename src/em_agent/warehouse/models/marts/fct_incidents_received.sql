{{
    config(
        unique_key="document_key",
        indexes=[
            {"columns": ["document_key"], "unique": true},
            {"columns": ["triggered_at"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

-- Receipts only grow, so that what is new is merged into what is there. Events without an id are one group.
with spans as (
    select
        coalesce(md5(document_id), 'none') as document_key,
        document_id,
        min(received_at) filter (where kind = 'triggered') as triggered_at,
        min(received_at) filter (where kind = 'acknowledged') as acknowledged_at,
        max(received_at) filter (where kind = 'resolved') as resolved_at
    from {{ ref("stg_pagerduty__incident_events") }}
    where
        origin = 'webhook'
        and kind in ('triggered', 'acknowledged', 'resolved')
        {% if is_incremental() %} and transformed_at > {{ watermark() }} {% endif %}
    group by document_id
)

select
    spans.document_key,
    spans.document_id,
    {% if is_incremental() %}
        least(spans.triggered_at, known.triggered_at) as triggered_at,
        least(spans.acknowledged_at, known.acknowledged_at) as acknowledged_at,
        greatest(spans.resolved_at, known.resolved_at) as resolved_at,
    {% else %}
        spans.triggered_at,
        spans.acknowledged_at,
        spans.resolved_at,
    {% endif %}
    {{ mark_of_run() }} as transformed_at
from spans
{% if is_incremental() %}
    left join {{ this }} as known on spans.document_key = known.document_key
{% endif %}
