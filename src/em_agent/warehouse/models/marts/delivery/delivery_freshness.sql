{{ config(unique_key="id", indexes=[{"columns": ["id"], "unique": true}]) }}

-- Built after all others of deliveries, so that whoever sees a new version here sees the rows that made it.
-- depends_on: {{ ref("int_incidents__linked") }}
-- depends_on: {{ ref("int_commits__deployed") }}
with included as (
    select
        max(last_received_at) as as_of,
        greatest(
            max(transformed_at),
            (select max(commits.transformed_at) from {{ ref("int_commits__placed") }} as commits),
            (select max(linked.transformed_at) from {{ ref("int_incidents__linked") }} as linked)
        ) as transformed_at
    from {{ ref("fct_deployments") }}
)

select
    1 as id,
    included.as_of,
    included.transformed_at,
    clock_timestamp() as built_at
from included
where
    included.transformed_at is not null
    {% if is_incremental() %}
        and included.transformed_at > (select known.transformed_at from {{ this }} as known)
    {% endif %}
