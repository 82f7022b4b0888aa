{#- The body of a webhook if it is an object that json functions can read, else null. -#}
{% macro read_body(payload) -%}
    warehouse.read_event(json_build_object('event', {{ payload }}))
{%- endmacro %}

{#- The deliveries of a source that its model has not taken in yet, with their bodies and the time that is believed. What
    is not transformed yet is still in the outbox, so that only a full build reads all of events_raw. -#}
{% macro new_deliveries(source_name, condition="true") -%}
    select
        events_raw.id as event_id,
        events_raw.source,
        events_raw.delivery_id,
        events_raw.received_at,
        coalesce(
            {{ believed_time("events_raw.occurred_at", "events_raw.received_at") }}, events_raw.received_at
        ) as told_at,
        {{ read_body("events_raw.payload") }} as body
    from {{ source("em_agent", "events_raw") }} as events_raw
    {% if is_incremental() %}
        inner join {{ source("em_agent", "outbox") }} as outbox on events_raw.id = outbox.event_id
    {% endif %}
    where
        events_raw.source = '{{ source_name }}'
        and {{ condition }}
        {% if is_incremental() %}
            and not exists (
                select 1 from {{ this }} as done
                where done.event_id = events_raw.id
            )
        {% endif %}
{%- endmacro %}

{#- The time, unless it lies more than a day after the receipt. -#}
{% macro believed_time(moment, received_at) -%}
    case when {{ moment }} <= {{ received_at }} + interval '24 hours' then {{ moment }} end
{%- endmacro %}

{#- The text of what people write: a string, or a document of nested parts, whose JSON is as good for finding names in
    it. Null where nothing is stated, empty where it is stated that there is none; which a column of json_to_record does
    not tell apart. -#}
{% macro prose(value) -%}
    case json_typeof({{ value }})
        when 'string' then {{ value }} #>> '{}'
        when 'object' then regexp_replace(replace({{ value }}::text, '\/', '/'), '\\[nrt]', ' ', 'g')
        when 'array' then regexp_replace(replace({{ value }}::text, '\/', '/'), '\\[nrt]', ' ', 'g')
        when 'null' then ''
    end
{%- endmacro %}

{#- The UTC time that a JSON string names. -#}
{% macro json_time(value) -%}
    warehouse.read_time({{ json_text("(" ~ value ~ ")") }})
{%- endmacro %}

{#- A name as lists show it: no longer than a row should be. -#}
{% macro json_line(value) -%}
    left(nullif({{ json_text("(" ~ value ~ ")") }}, ''), 1000)
{%- endmacro %}

{#- The web address in a JSON string; nothing else becomes a link. -#}
{% macro json_url(value) -%}
    substring(left({{ json_text("(" ~ value ~ ")") }}, 2000) from '^(https?://[^[:space:]<>"]+)$')
{%- endmacro %}

{#- The value if it is a JSON list, else an empty one. -#}
{% macro json_list(value) -%}
    case when json_typeof({{ value }}) = 'array' then {{ value }} else '[]'::json end
{%- endmacro %}

{#- The names in a list of labels, each a text or an object with a name; null where it is no list. -#}
{% macro label_names(value) -%}
    case
        when json_typeof({{ value }}) = 'array'
            then array(
                select
                    coalesce(
                        {{ json_line("label.value") }},
                        case
                            when json_typeof(label.value) = 'object' then {{ json_line("label.value -> 'name'") }}
                        end
                    ) as label_name
                from json_array_elements({{ json_list(value) }}) as label
                where
                    {{ json_line("label.value") }} is not null
                    or (
                        json_typeof(label.value) = 'object' and {{ json_line("label.value -> 'name'") }} is not null
                    )
            )
    end
{%- endmacro %}

{#- An address as it is compared: without scheme, query, fragment and a last slash, in lower case. -#}
{% macro comparable_url(url) -%}
    lower(rtrim(regexp_replace(regexp_replace({{ url }}, '^https?://(?:www[.])?', '', 'i'), '[?#].*$', ''), '/'))
{%- endmacro %}

{#- What an issue answers to: its keys, as they are compared, and its address. -#}
{% macro issue_names(keys, url) -%}
    array(
        select distinct left(named.one, 500) as one
        from unnest({{ keys }} || {{ comparable_url(url) }}) as named (one)
        where named.one <> ''
        order by one
    )
{%- endmacro %}

{#- The filter that keeps the issues that changed upstream since this model took them in; in a full build all. -#}
{% macro changed_issues(upstream) %}
    {%- if is_incremental() -%}
        issue_key = any (array(
            select changed.issue_key
            from {{ upstream }} as changed
            where changed.transformed_at > {{ watermark() }}
            group by changed.issue_key
        ))
    {%- else -%}
        true
    {%- endif -%}
{% endmacro %}
