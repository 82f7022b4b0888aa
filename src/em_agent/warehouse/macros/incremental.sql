{#- What dbt's own does, in one or two statements where it takes up to ten. Where the table is there, the rows that the
    model gives replace those of the same keys, by a statement that is kept for the worker to run whenever something is
    new. A build keeps it too: by rendering the model once more, as a refresh. -#}
{% materialization incremental, adapter="postgres" %}
    {%- set known = load_cached_relation(this) -%}
    {%- if known is none or known.is_view or should_full_refresh() -%}
        {%- if known is not none and known.is_view -%} {%- do adapter.drop_relation(known) -%} {%- endif -%}
        {{ build(sql, pre_hooks, post_hooks) }}
        {%- do model.update({"is_rendered_as_refresh": true}) -%}
        {{ keep_refresh(refresh_statement(render(model.raw_code), pre_hooks, post_hooks)) }}
    {%- else -%}
        {%- set refresh = refresh_statement(sql, pre_hooks, post_hooks) -%}
        {% call statement("main") %}
            {{ refresh }}
        {% endcall %}
        {{ keep_refresh(refresh) }}
    {%- endif -%}
    {{ adapter.commit() }}
    {{ return({"relations": [this.incorporate(type="table")]}) }}
{% endmaterialization %}

{#- Whether the model reads only what is new. -#}
{% macro is_incremental() %}
    {{ return(model.is_rendered_as_refresh or dbt.is_incremental()) }}
{% endmacro %}

{#- Build the table beside the one that is there, which serves its readers until the new one takes its place. -#}
{% macro build(sql, pre_hooks, post_hooks) %}
    {%- set built = this.incorporate(path={"identifier": this.identifier ~ "__built"}, type="table") -%}
    {% call statement("main") %}
        {{ rendered_hooks(pre_hooks) }}
        drop table if exists {{ built }};
        create table {{ built }} as (
            {{ sql }}
        )
    {% endcall %}
    {% call statement("replace") %}
        {% for index in config.get("indexes", default=[]) %} {{ get_create_index_sql(built, index) }}; {% endfor %}
        drop table if exists {{ this }} cascade;
        alter table {{ built }} rename to {{ adapter.quote(this.identifier) }};
        {{ rendered_hooks(post_hooks) }}
    {% endcall %}
{% endmacro %}

{#- The model's refresh, for a transaction of its own: it depends on nothing but what is in the database at its run. -#}
{% macro refresh_statement(sql, pre_hooks, post_hooks) %}
    {%- set given = adapter.quote(this.identifier ~ "__given") -%}
    {%- set key = config.require("unique_key") -%}
    {%- set key = key if key is string else key | join(", ") -%}
    {{ rendered_hooks(pre_hooks) }}
    create temporary table {{ given }} on commit drop as (
        {{ sql }}
    );
    {{ expect_same_columns(given, this) }};
    {{ remember_taken_in() }};
    delete from {{ this }} where ({{ key }}) in (select {{ key }} from {{ given }});
    insert into {{ this }} select * from {{ given }};
    {{ rendered_hooks(post_hooks) }}
{% endmacro %}

{% macro rendered_hooks(hooks) %}
    {%- for hook in hooks -%}
        {%- set rendered = render(hook.get("sql")) | trim -%}
        {%- if rendered %} {{ rendered }}; {% endif -%}
    {%- endfor -%}
{% endmacro %}

{#- Keep the statement (none of a view), where the run is one of the worker's, which names the project's version. The
    database's name goes, so that the statement outlives a copy or a restore under another name. -#}
{% macro keep_refresh(refresh) %}
    {%- set project = var("project_version", none) -%}
    {%- if project is none %} {{ return("") }} {% endif -%}
    {%- set upstreams = [] -%}
    {%- for node in model.depends_on.nodes if node.startswith("model.") -%}
        {%- do upstreams.append("'" ~ node.split(".")[-1] ~ "'") -%}
    {%- endfor -%}
    {% call statement("keep_refresh") %}
        insert into warehouse.refreshes (project, model, vendor, upstreams, statement)
        values (
            '{{ project }}',
            '{{ this.identifier }}',
            {{ "'" ~ model.fqn[2] ~ "'" if model.fqn[1] == "staging" else "null" }},
            array[{{ upstreams | join(", ") }}]::text[],
            {{ "$em_agent$" ~ refresh | replace(adapter.quote(this.database) ~ '."', '"') ~ "$em_agent$" if refresh else "null" }}
        )
        on conflict (project, model) do update
        set vendor = excluded.vendor, upstreams = excluded.upstreams, statement = excluded.statement
    {% endcall %}
{% endmacro %}

{#- An error where a table has other columns than those that it is to take in. -#}
{% macro expect_same_columns(given, taken) %}
    do $check$
    begin
        if ({{ columns_of(given) }}) is distinct from ({{ columns_of(taken) }}) then
            raise exception 'The columns of {{ taken }} are not those of its model: build it with --full-refresh.';
        end if;
    end
    $check$
{% endmacro %}

{% macro columns_of(relation) -%}
    select array_agg(attname || ' ' || atttypid order by attnum)
    from pg_attribute
    where attrelid = '{{ relation }}'::regclass and attnum > 0 and not attisdropped
{%- endmacro %}
