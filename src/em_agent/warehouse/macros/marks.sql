{#- Whether a row came after what this model has taken in; in a full build every one did. -#}
{% macro is_new_in(alias) -%}
    {%- if is_incremental() -%} {{ alias }}.transformed_at > {{ watermark() }} {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- The events of a source, of these kinds, that are not staged yet; their bodies where they are objects. Whatever is
    not staged yet is still in the outbox, so that only a full build reads all of events_raw. -#}
{% macro unstaged_events(name, kinds) %}
    select
        events_raw.id as event_id,
        events_raw.event_type,
        events_raw.delivery_id,
        events_raw.occurred_at,
        events_raw.received_at,
        warehouse.read_object(events_raw.payload) as record
    from {{ source("em_agent", "events_raw") }} as events_raw
    {% if is_incremental() %}
        inner join {{ source("em_agent", "outbox") }} as outbox on events_raw.id = outbox.event_id
    {% endif %}
    where
        events_raw.source = '{{ name }}'
        {% if kinds %} and split_part(events_raw.event_type, '.', 1) in ('{{ kinds | join("', '") }}') {% endif %}
        {% if is_incremental() %}
            and not exists (
                select 1 from {{ this }} as done
                where done.event_id = events_raw.id
            )
        {% endif %}
{% endmacro %}

{#- The time that the sender states; the receipt where that is missing or more than a day ahead of it. -#}
{% macro believed(stated, received) -%}
    case when {{ stated }} <= {{ received }} + interval '24 hours' then {{ stated }} else {{ received }} end
{%- endmacro %}
