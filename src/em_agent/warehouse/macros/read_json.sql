{#- The text of a JSON string. -#}
{% macro json_text(value) -%}
    case when json_typeof({{ value }}) = 'string' then {{ value }} #>> '{}' end
{%- endmacro %}

{#- The text of a JSON string or integer that can be an id: nothing longer than an index takes. -#}
{% macro json_id(value) -%}
    case json_typeof({{ value }})
        when 'string'
            then case when length({{ value }} #>> '{}') between 1 and 200 then {{ value }} #>> '{}' end
        when 'number'
            then case
                when length({{ value }} #>> '{}') < 20 and {{ value }} #>> '{}' ~ '^-?[0-9]+$' then {{ value }} #>> '{}'
            end
    end
{%- endmacro %}

{#- The value if it is a JSON object, else an empty one: what json_to_record takes. -#}
{% macro json_object(value) -%}
    case when json_typeof({{ value }}) = 'object' then {{ value }} else '{}'::json end
{%- endmacro %}

{#- The fields of a JSON object, each as JSON, as a source of their own. -#}
{% macro fields_of(value, alias, names) -%}
    json_to_record({{ json_object(value) }}) as {{ alias }} (
        {%- for name in names %}{{ name }} json{{ ", " if not loop.last }}{% endfor -%}
    )
{%- endmacro %}

{#- The id and the name of a reference such as {"id": "P1", "type": "service_reference", "summary": "Checkout"}; some
    have a name in place of the summary. What is no object has neither. -#}
{% macro reference_id(value) -%}
    {{ json_id("(" ~ value ~ " -> 'id')") }}
{%- endmacro %}

{% macro reference_name(value) -%}
    coalesce({{ reference_text("(" ~ value ~ " -> 'summary')") }}, {{ reference_text("(" ~ value ~ " -> 'name')") }})
{%- endmacro %}

{#- The text of a JSON string that is a name: one that holds more than white space. The live state cuts names there, too:
    indexes take no longer ones. -#}
{% macro reference_text(value) -%}
    substring(
        left({{ json_text(value) }}, 400)
        from '^.*[^\s\u001c-\u001f\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000].*$'
    )
{%- endmacro %}

{#- Webhooks name the incident's number `number`, REST `incident_number`. -#}
{% macro read_incident_number(alias) -%}
    coalesce(
        substring({{ alias }}.number #>> '{}' from '^[0-9]{1,18}$'),
        substring({{ alias }}.incident_number #>> '{}' from '^[0-9]{1,18}$')
    )::bigint
{%- endmacro %}

{#- The fields of an incident, or of what refers to one, that staging reads. -#}
{% macro incident_fields(value, alias) -%}
    json_to_record({{ json_object(value) }}) as {{ alias }} (
        id json, type json, incident json, incident_role_assignments json, number json, incident_number json,
        title json, urgency json, service json, teams json, priority json, escalation_policy json,
        created_at json, resolve_reason json, html_url json, status json, last_status_change_at json, resolved_at json
    )
{%- endmacro %}

{#- The teams of a JSON list as [{"id", "name"}], those with neither left out; null where it is no list. -#}
{% macro stated_teams(value) -%}
    case
        when json_typeof({{ value }}) = 'array'
            then (
                select
                    coalesce(
                        jsonb_agg(
                            jsonb_build_object('id', team.team_id, 'name', team.team_name) order by team.position
                        ),
                        '[]'
                    )
                from (
                    select
                        element.position,
                        {{ reference_id("element.value") }} as team_id,
                        {{ reference_name("element.value") }} as team_name
                    from json_array_elements(
                        case when json_typeof({{ value }}) = 'array' then {{ value }} else '[]'::json end
                    ) with ordinality as element (value, position)
                ) as team
                where team.team_id is not null or team.team_name is not null
            )
    end
{%- endmacro %}
