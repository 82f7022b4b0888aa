{{ config(materialized="replaced_view") }}

select
    'github:' || deployment_id as deployment_key,
    'github' as source,
    deployment_id,
    event_id,
    delivery_id,
    status,
    coalesce(nullif(split_part(repository, '/', 2), ''), repository) as stated_service,
    repository,
    environment,
    sha,
    kind,
    rollback_of,
    ltrim(incident, '#') as named_incident,
    url,
    started_at,
    at,
    is_clock_suspect,
    received_at,
    transformed_at
from {{ ref("stg_github__deployments") }}
union all
select
    'deployment:' || deployment_id as deployment_key,
    'deployment' as source,
    deployment_id,
    event_id,
    delivery_id,
    status,
    service as stated_service,
    repository,
    environment,
    sha,
    kind,
    rollback_of,
    ltrim(incident, '#') as named_incident,
    url,
    started_at,
    at,
    is_clock_suspect,
    received_at,
    transformed_at
from {{ ref("stg_deployment__posts") }}
