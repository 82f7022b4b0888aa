{#- One model at a time, whoever runs it: a run by hand and that of the worker take turns. dbt opens a connection for
    each model, so that no lock lasts for a run. Interleaved runs are right all the same, and so are runs that build some
    of the models: with its turn a model draws a mark that is later than any before it, so that whatever is written after
    it has read has a later one. -#}
{% macro take_turn() %}
    select pg_advisory_xact_lock(hashtextextended('em_agent.warehouse', 0));
    select
        set_config('em_agent.mark', warehouse.next_mark()::text, true),
        set_config(
            'em_agent.watermark',
            (select max(mark)::text from warehouse.taken_in where model = '{{ this.identifier }}'),
            true
        )
{% endmacro %}

{#- The mark of this turn, which every model gives its rows as `transformed_at`, whatever marks they were made of. -#}
{% macro mark_of_run() -%}
    nullif(current_setting('em_agent.mark', true), '')::timestamptz
{%- endmacro %}

{#- The mark up to which this model has taken in all of its upstreams, also where nothing came of it. No subquery, so
    that the planner, which looks at settings, sees how few rows lie after it and goes by the index. -#}
{% macro watermark() -%}
    coalesce(nullif(current_setting('em_agent.watermark', true), ''), '-infinity')::timestamptz
{%- endmacro %}

{#- Note that the model has taken in what there was at its turn. -#}
{% macro remember_taken_in() %}
    insert into warehouse.taken_in (model, mark) values ('{{ this.identifier }}', {{ mark_of_run() }})
    on conflict (model) do update set mark = excluded.mark
{% endmacro %}

{#- The filter that keeps the incidents that changed upstream since this model took them in; in a full build all. An
    array and not a join, because a condition on the key of a group or window is pushed into views. -#}
{% macro changed_incidents(upstream) %}
    {%- if is_incremental() -%}
        incident_id = any (array(
            select changed.incident_id
            from {{ upstream }} as changed
            where changed.transformed_at > {{ watermark() }} and changed.incident_id is not null
            group by changed.incident_id
        ))
    {%- else -%}
        incident_id is not null
    {%- endif -%}
{% endmacro %}

{#- What a table that was just built lacks: statistics, and the note of what it has taken in. -#}
{% macro finish_when_built() %}
    {%- if config.get("materialized") == "incremental" and not is_incremental() -%}
        {{ remember_taken_in() }};
        analyze {{ this }}
    {%- endif -%}
{% endmacro %}

{#- An index that `indexes` cannot express. PostgreSQL names it, since the table that it replaces has its names. -#}
{% macro index_when_built(definition) %}
    {%- if not is_incremental() -%} create index on {{ this }} {{ definition }} {%- endif -%}
{% endmacro %}

{#- What incident metrics read, by the window: the table itself is not touched. No column here is longer than an index
    takes: ids and the keys made of names have 200 characters at most. -#}
{% macro metrics_index() %}
    (triggered_at) include (
        resolved_at, acknowledged_at, time_to_acknowledge_seconds, time_to_resolve_seconds, active_seconds,
        reopen_count, escalation_count, is_handed_over, is_priority_raised, is_merged, is_auto_resolved, is_impossible,
        urgency, service_key, priority_key, escalation_policy_key
    )
{% endmacro %}
