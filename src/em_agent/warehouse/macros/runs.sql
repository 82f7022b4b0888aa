{#- One model at a time, whoever runs it: a run by hand and that of the worker take turns. dbt opens a connection for
    each model, so that no lock lasts for a run; interleaved runs are right because each model takes in what its own
    upstream marked later than anything it has. -#}
{% macro take_turn() %}
    select pg_advisory_xact_lock(hashtextextended('em_agent.warehouse', 0))
{% endmacro %}

{#- The time that marks the rows of this run: later than every mark before it, even when the clock was set back. -#}
{% macro mark_of_run() %}
    {%- if execute and load_relation(this) is not none -%}
        greatest(clock_timestamp(), (select max(transformed_at) from {{ this }}) + interval '1 microsecond')
    {%- else -%}
        clock_timestamp()
    {%- endif -%}
{% endmacro %}

{#- The newest mark that this model has taken in. A literal, not a subquery, so that the planner sees how few rows lie
    after it and goes by the index. -#}
{% macro watermark() %}
    {%- if not execute -%} {{ return("'-infinity'::timestamptz") }} {%- endif -%}
    {%- set query = "select coalesce(max(transformed_at), '-infinity')::text from " ~ this -%}
    {{- return("'" ~ run_query(query)[0][0] ~ "'::timestamptz") -}}
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

{#- A table that was just built has no statistics yet. -#}
{% macro analyze_when_built() %}
    {%- if config.get("materialized") == "incremental" and not is_incremental() -%} analyze {{ this }} {%- endif -%}
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
