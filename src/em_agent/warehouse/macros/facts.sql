{#- What webhooks call an entry of an incident's log, of the entry's type; the names of other entries are kept. PagerDuty's
    schema has `acknowledgement` by mistake. -#}
{% macro log_kind(value) -%}
    case substring({{ json_text("(" ~ value ~ ")") }} from '^(.+)_log_entry(?:_reference)?$')
        when 'trigger' then 'triggered'
        when 'acknowledge' then 'acknowledged'
        when 'acknowledgement' then 'acknowledged'
        when 'unacknowledge' then 'unacknowledged'
        when 'escalate' then 'escalated'
        when 'delegate' then 'delegated'
        when 'assign' then 'assigned'
        when 'annotate' then 'annotated'
        when 'resolve' then 'resolved'
        else substring({{ json_text("(" ~ value ~ ")") }} from '^(.+)_log_entry(?:_reference)?$')
    end
{%- endmacro %}

{#- The order in which events of one instant are read; that an incident was seen open comes before its resolution. -#}
{% macro reading_rank(kind) -%}
    case {{ kind }}
        when 'triggered' then 0
        when 'acknowledged' then 1
        when 'reopened' then 2
        when 'seen_triggered' then 4
        when 'seen_acknowledged' then 4
        when 'resolved' then 5
        else 3
    end
{%- endmacro %}

{#- How a fact came, of its origin. -#}
{% macro sender(origin) -%}
    case when {{ origin }} in ('log', 'snapshot') then 'api' when {{ origin }} is not null then 'webhook' end
{%- endmacro %}

{#- What titles of the same trouble have in common: words, but neither numbers nor ids. An id is a UUID, or a word of
    seven characters or more with a digit in it. The beginning is enough: endless titles take long to compare. -#}
{% macro title_key(title) -%}
    md5(btrim(
        regexp_replace(
            regexp_replace(
                regexp_replace(
                    lower(left({{ title }}, 300)),
                    '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\m(?=[a-z]*[0-9])[a-z0-9]{7,}\M', '#', 'g'
                ),
                '[0-9]+(?:[.,:][0-9]+)*', '#', 'g'
            ),
            '[[:space:]]+', ' ', 'g'
        )
    ))
{%- endmacro %}
