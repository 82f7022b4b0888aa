{#- A word as texts are split into them: letters, digits and underscores, and the hyphens and points between them. -#}
{% macro word_pattern() -%} '[[:alnum:]_]+(?:[-.][[:alnum:]_]+)*' {%- endmacro %}

{#- The longest word of an id, by which texts that have the id are found; the id itself where that is one word. -#}
{% macro word_of_id(id) -%}
    case
        when {{ id }} ~ ('^' || {{ word_pattern() }} || '$') then {{ id }}
        else (
            select found.word[1] from regexp_matches({{ id }}, {{ word_pattern() }}, 'g') as found (word)
            order by length(found.word[1]) desc, found.word[1] collate "C"
            limit 1
        )
    end
{%- endmacro %}

{#- A pattern that finds the text as a whole word. -#}
{% macro as_whole_word(text) -%}
    '(?<![[:alnum:]_])(?<![[:alnum:]_][-.])'
    || regexp_replace({{ text }}, '([][\\.^$*+?(){}|-])', '\\\1', 'g')
    || '(?![[:alnum:]_])(?![-.][[:alnum:]_])'
{%- endmacro %}
