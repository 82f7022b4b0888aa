{{
    config(
        unique_key="deployment_key",
        indexes=[
            {"columns": ["deployment_key"], "unique": true},
            {"columns": ["service_key", "environment_key", "repository", "position"]},
            {"columns": ["service_key", "environment_key", "repository", "finished_at"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

deployments as (
    select deployments.*
    from {{ ref("fct_deployments") }} as deployments
    {% if is_incremental() %}
        where
            deployments.deployment_key = any(array(
                select changed.deployment_key from {{ ref("fct_deployments") }} as changed
                where {{ is_new_in("changed") }}
                union all
                select named.deployment_key from {{ ref("int_commits__placed") }} as commits
                inner join {{ ref("fct_deployments") }} as named
                    on left(named.sha, 7) = left(commits.sha, 7) and starts_with(commits.sha, named.sha)
                where {{ is_new_in("commits") }} and named.sha is not null
            ))
    {% endif %}
),

mapped as (
    select
        lower(service) as service_key,
        array_agg(name) as repositories
    from {{ ref("stg_em_agent__service_names") }}
    where kind = 'repository'
    group by lower(service)
),

-- A sha is looked for in the deployment's own repository, else in those of its service, else in all.
candidates as (
    select
        deployments.deployment_key,
        commits.repository,
        commits.sha,
        commits.position,
        commits.first_sequence,
        row_number() over (
            partition by deployments.deployment_key
            order by (commits.sha <> deployments.sha), commits.repository collate "C", commits.position
        ) as choice
    from deployments
    left join mapped on deployments.service_key = mapped.service_key
    inner join {{ ref("int_commits__placed") }} as commits
        on
            commits.sha collate "C" >= deployments.sha collate "C"
            and commits.sha collate "C" <= (deployments.sha || '~') collate "C"
            and (
                deployments.sha = commits.sha
                or (length(deployments.sha) >= 7 and starts_with(commits.sha, deployments.sha))
            )
    where
        deployments.finished_at is not null
        and deployments.sha is not null
        and case
            when deployments.repository_key is not null
                then deployments.repository_key in (commits.repository, split_part(commits.repository, '/', 2))
            when mapped.repositories is not null then commits.repository = any(mapped.repositories)
            else true
        end
)

select
    deployments.deployment_key,
    deployments.service_key,
    deployments.environment_key,
    deployments.finished_at,
    candidates.repository,
    candidates.sha,
    candidates.position,
    candidates.first_sequence,
    run.transformed_at
from deployments
cross join run
left join candidates on deployments.deployment_key = candidates.deployment_key and candidates.choice = 1
