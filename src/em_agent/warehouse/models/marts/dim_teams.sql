{{
    config(
        unique_key="team_id",
        indexes=[{"columns": ["team_id"], "unique": true}],
    )
}}

{%- set names -%}
    select
        team.id,
        team.name,
        events.at,
        events.reading_rank,
        events.delivery_id
    from {{ ref("stg_pagerduty__incident_events") }} as events
    cross join lateral jsonb_to_recordset(events.teams) as team (id text, name text)
    where
        events.teams <> '[]'
        and team.id is not null
        {% if is_incremental() %} and events.transformed_at > {{ watermark() }} {% endif %}
{%- endset -%}

{{ newest_names("team_id", "team_name", names) }}
