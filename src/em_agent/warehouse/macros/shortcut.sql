{#- A field of the one story or epic beside a comment; null where there are several. -#}
{% macro sole_owner(field) -%}
    (
        select case when count(*) = 1 then min({{ json_id("sibling." ~ field) }}) end
        from json_array_elements(siblings) as beside
        cross join lateral {{ fields_of("beside.value", "sibling", ["id", "entity_type"]) }}
        where {{ json_text("sibling.entity_type") }} in ('story', 'epic')
    )
{%- endmacro %}

{#- The names of labels that are given by their ids, as the references have them; null where no list is given. -#}
{% macro referred_labels(ids) -%}
    case
        when json_typeof({{ ids }}) = 'array'
            then array(
                select {{ json_line("reference.name") }} as label_name
                from json_array_elements(states.refs) as element
                cross join lateral {{ fields_of("element.value", "reference", ["id", "entity_type", "name"]) }}
                where
                    {{ json_text("reference.entity_type") }} = 'label'
                    and {{ json_line("reference.name") }} is not null
                    and {{ json_id("reference.id") }} in (
                        select {{ json_id("label.value") }}
                        from json_array_elements({{ json_list(ids) }}) as label
                    )
            )
    end
{%- endmacro %}
