{{
    config(
        unique_key="deployment_key",
        indexes=[
            {"columns": ["deployment_key"], "unique": true},
            {"columns": ["id_word"]},
            {"columns": ["finished_at"]},
            {"columns": ["service_key", "finished_at"]},
            {"columns": ["sha"]},
            {"columns": ["transformed_at"]},
        ],
        post_hook=[
            "{{ index_when_built('(left(sha, 7)) where sha is not null') }}",
            "{{ index_when_built('(named_incident) where named_incident is not null') }}",
            "{{ index_when_built('(incident_id) where incident_id is not null') }}",
            "{{ index_when_built('(rollback_of_key) where rollback_of_key is not null') }}",
            "{{ index_when_built('(lower(stated_service))') }}",
        ],
    )
}}

-- depends_on: {{ ref("stg_github__deployments") }}
-- depends_on: {{ ref("stg_deployment__posts") }}
-- The state that decides comes first: at GitHub the first success, else the latest final one.
{%- set decisive_first -%}
    order by (source = 'github' and status = 'success') desc, (status <> 'in_progress') desc,
    case when source = 'github' and status = 'success' then -extract(epoch from at) else extract(epoch from at) end desc,
    received_at desc, delivery_id collate "C" desc
{%- endset %}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

states as (
    select * from {{ ref("int_deployments__told") }}
    {% if is_incremental() %}
        where
            deployment_key = any(array(
                select told.deployment_key from {{ ref("int_deployments__told") }} as told
                where told.source = 'github' and {{ is_new_in("told") }}
                union all
                select told.deployment_key from {{ ref("int_deployments__told") }} as told
                where told.source = 'deployment' and {{ is_new_in("told") }}
                union all
                select known.deployment_key from {{ ref("fct_incidents") }} as incidents
                inner join {{ this }} as known
                    on known.named_incident in (incidents.incident_id, incidents.number::text)
                where
                    {{ is_new_in("incidents") }}
                    and known.incident_id is distinct from incidents.incident_id
                union all
                select known.deployment_key from {{ ref("dim_services") }} as services
                inner join {{ this }} as known on lower(known.stated_service) = lower(services.service_id)
                where
                    {{ is_new_in("services") }} and known.service is distinct from services.service_name
            ))
    {% endif %}
),

deployments as (
    select
        deployment_key,
        source,
        min(deployment_id) as deployment_id,
        {%- for column in [
            "status", "stated_service", "repository", "environment", "sha", "kind", "rollback_of", "named_incident",
            "url", "started_at"
        ] %}
            (array_agg({{ column }} {{ decisive_first }}) filter (where {{ column }} is not null))[1] as {{ column }},
        {%- endfor %}
        (array_agg(at {{ decisive_first }}))[1] as at,
        (array_agg(is_clock_suspect {{ decisive_first }}))[1] as is_clock_suspect,
        max(received_at) as last_received_at
    from states
    group by deployment_key, source
),

-- What a name belongs to: the mapping, else the PagerDuty service that has it as its id, else itself.
services as (
    select
        lower(service_id) as service_id,
        min(service_name) as service_name
    from {{ ref("dim_services") }}
    group by lower(service_id)
),

numbers as (
    select
        incidents.number::text as number,
        min(incidents.incident_id) as incident_id
    from {{ ref("fct_incidents") }} as incidents
    where
        incidents.number = any(array(
            select distinct deployments.named_incident::bigint from deployments
            where deployments.named_incident ~ '^[1-9][0-9]{0,17}$'
        ))
    group by incidents.number
),

named as (
    select
        deployments.*,
        coalesce(
            of_repository.service, of_name.service, services.service_name, deployments.stated_service
        ) as service,
        coalesce(incidents.incident_id, numbers.incident_id) as incident_id
    from deployments
    left join {{ ref("stg_em_agent__service_names") }} as of_repository
        on
            deployments.source = 'github'
            and of_repository.kind = 'repository'
            and lower(deployments.repository) = of_repository.name
    left join {{ ref("stg_em_agent__service_names") }} as of_name
        on of_name.kind = 'deployment' and lower(deployments.stated_service) = of_name.name
    left join services on lower(deployments.stated_service) = services.service_id
    left join {{ ref("fct_incidents") }} as incidents on deployments.named_incident = incidents.incident_id
    left join numbers on deployments.named_incident = numbers.number
)

select
    named.deployment_key,
    named.source,
    named.deployment_id,
    {{ word_of_id("named.deployment_id") }} as id_word,
    named.service,
    lower(named.service) as service_key,
    named.stated_service,
    named.repository,
    {{ repository_key("named.repository") }} as repository_key,
    named.environment,
    lower(named.environment) as environment_key,
    named.sha,
    named.status,
    coalesce(named.kind, 'planned') as kind,
    named.started_at,
    case when named.status = 'success' then named.at end as finished_at,
    case
        when named.rollback_of ~ '^(github|deployment):' then named.rollback_of
        else named.source || ':' || named.rollback_of
    end as rollback_of_key,
    named.named_incident,
    named.incident_id,
    named.url,
    named.is_clock_suspect,
    named.last_received_at,
    run.transformed_at
from named
cross join run
