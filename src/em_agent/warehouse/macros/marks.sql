{#- A model that reads several others keeps a mark for each: the newest row of it that was taken in. Rows that are
    newer, in an incremental run; else all. -#}
{% macro is_new_in(upstream, alias) -%}
    {%- if is_incremental() -%} {{ alias }}.transformed_at > {{ taken_until(upstream) }} {%- else -%} true {%- endif -%}
{%- endmacro %}

{#- The mark of that model; a literal, so that the planner sees how few rows lie after it. -#}
{% macro taken_until(upstream) %}
    {%- if not execute -%} {{ return("'-infinity'::timestamptz") }} {%- endif -%}
    {%- set query -%}
        select coalesce(max(mark), '-infinity')::text
        from warehouse.taken_in
        where model = '{{ this.identifier }}' and upstream = '{{ upstream }}'
    {%- endset -%}
    {{- return("'" ~ run_query(query)[0][0] ~ "'::timestamptz") -}}
{% endmacro %}

{#- Note, in the transaction that took them in, how far these models were. One model is built at a time, so that they
    are as they were read. -#}
{% macro take_in(upstreams) %}
    insert into warehouse.taken_in (model, upstream, mark)
    {% for upstream in upstreams %}
        select '{{ this.identifier }}', '{{ upstream }}', coalesce(max(transformed_at), '-infinity')
        from {{ this.schema }}.{{ upstream }}
        {% if not loop.last %} union all {% endif %}
    {% endfor %}
    on conflict (model, upstream) do update set mark = excluded.mark
{% endmacro %}

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
