{#- The text of a JSON string that can be a name or a sha: neither empty nor longer than an index takes. -#}
{% macro json_name(value) -%}
    left(nullif(btrim({{ json_text(value) }}), ''), 200)
{%- endmacro %}

{#- A sha as git writes it. -#}
{% macro json_sha(value) -%}
    lower({{ json_name(value) }})
{%- endmacro %}

{#- Whether a JSON boolean is true. -#}
{% macro json_true(value) -%}
    coalesce(json_typeof({{ value }}) = 'boolean' and {{ value }} #>> '{}' = 'true', false)
{%- endmacro %}

{#- What a deployment that rolls another back, or repairs in haste, is called in a text. -#}
{% macro stated_kind(text) -%}
    case
        when {{ text }} ~* '\mroll[ -]?back\M' then 'rollback'
        when {{ text }} ~* '\mhot[ -]?fix\M' then 'hotfix'
    end
{%- endmacro %}

{#- How a repository is compared: `owner/name` in small letters, without what an address has around it. -#}
{% macro repository_key(value) -%}
    lower(regexp_replace(
        regexp_replace({{ value }}, '^(?:[a-z+]+://)?(?:[^/@]*@)?[^/:]+\.[^/:]+[/:]', '', 'i'), '(?:\.git)?/*$', ''
    ))
{%- endmacro %}
