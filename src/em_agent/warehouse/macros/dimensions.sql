{#- One row for each id that the events' snapshots name, with the newest name. `names` selects id, name, at,
    reading_rank and delivery_id from what is not taken in yet. -#}
{% macro newest_names(id, name, names) %}
    {%- set newest_first = 'at desc, reading_rank desc, delivery_id collate "C" desc' %}
    with named as (
        {{ names }}
    ),

    ranked as (
        select id, name, at, reading_rank, delivery_id from named
        {% if is_incremental() %}
            union all
            select known.{{ id }}, known.{{ name }}, known.named_at, known.named_rank, known.named_by
            from {{ this }} as known
            where known.{{ id }} in (select named.id from named)
        {% endif %}
    )

    select
        id as {{ id }},
        (array_agg(name order by (name is null), {{ newest_first }}))[1] as {{ name }},
        (array_agg(at order by (name is null), {{ newest_first }}))[1] as named_at,
        (array_agg(reading_rank order by (name is null), {{ newest_first }}))[1] as named_rank,
        (array_agg(delivery_id order by (name is null), {{ newest_first }}))[1] as named_by,
        {{ mark_of_run() }} as transformed_at
    from ranked
    group by id
{% endmacro %}

{#- The dimension of a reference that stands in two columns of the staged events. -#}
{% macro dimension(reference) %}
    {%- set names -%}
        select
            {{ reference }}_id as id,
            {{ reference }}_name as name,
            at,
            reading_rank,
            delivery_id
        from {{ ref("stg_pagerduty__incident_events") }}
        where
            {{ reference }}_id is not null
            {% if is_incremental() %} and transformed_at > {{ watermark() }} {% endif %}
    {%- endset -%}
    {{ newest_names(reference ~ "_id", reference ~ "_name", names) }}
{% endmacro %}
