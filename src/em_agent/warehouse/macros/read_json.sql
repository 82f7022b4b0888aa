{#- The text of a JSON string. -#}
{% macro json_text(value) -%}
    case when json_typeof({{ value }}) = 'string' then {{ value }} #>> '{}' end
{%- endmacro %}

{#- The text of a JSON string or integer that can be an id: nothing longer than an index takes. -#}
{% macro json_id(value) -%}
    case json_typeof({{ value }})
        when 'string' then substring({{ value }} #>> '{}' from '^.{1,200}$')
        when 'number' then substring({{ value }} #>> '{}' from '^-?[0-9]{1,18}$')
    end
{%- endmacro %}

{#- The value if it is a JSON object, else an empty one: what json_to_record takes. -#}
{% macro json_object(value) -%}
    case when json_typeof({{ value }}) = 'object' then {{ value }} else '{}'::json end
{%- endmacro %}

{#- The columns of a reference such as {"id": "P1", "type": "service_reference", "summary": "Checkout"}; some have a
    name in place of the summary. -#}
{% macro json_reference(value, alias) -%}
    json_to_record({{ json_object(value) }}) as {{ alias }} (id json, type json, summary json, name json)
{%- endmacro %}

{% macro reference_name(alias) -%}
    coalesce(nullif({{ json_text(alias ~ '.summary') }}, ''), nullif({{ json_text(alias ~ '.name') }}, ''))
{%- endmacro %}

{#- Webhooks name the incident's number `number`, REST `incident_number`. -#}
{% macro read_incident_number(alias) -%}
    coalesce(
        substring({{ alias }}.number #>> '{}' from '^[0-9]{1,18}$'),
        substring({{ alias }}.incident_number #>> '{}' from '^[0-9]{1,18}$')
    )::bigint
{%- endmacro %}
