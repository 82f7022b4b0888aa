{{ config(materialized="replaced_view") }}

-- What people say stands above every rule, at once: a view.
select
    linked.incident_id,
    linked.environment_key,
    linked.deployment_key,
    linked.method,
    linked.confidence,
    linked.transformed_at
from {{ ref("int_incidents__linked") }} as linked
where
    linked.deployment_key is not null
    and not exists (
        select 1 from {{ ref("stg_em_agent__incident_deployments") }} as by_hand
        where by_hand.incident_id = linked.incident_id
    )
union all
select
    by_hand.incident_id,
    deployments.environment_key,
    deployments.deployment_key,
    'manual' as method,
    1.0::double precision as confidence,
    greatest(by_hand.decided_at, deployments.transformed_at) as transformed_at
from {{ ref("stg_em_agent__incident_deployments") }} as by_hand
inner join {{ ref("fct_deployments") }} as deployments on by_hand.deployment_key = deployments.deployment_key
where deployments.finished_at is not null
