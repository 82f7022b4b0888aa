{{ config(materialized="replaced_view") }}

-- Deployments that brought nothing have a row without a commit, which is none of these.
select
    deployment_key,
    service_key,
    environment_key,
    repository,
    sha,
    committed_at,
    finished_at,
    lead_seconds,
    transformed_at
from {{ ref("int_commits__deployed") }}
where sha is not null
