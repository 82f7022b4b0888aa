{{
    config(
        unique_key="deployment_key",
        indexes=[
            {"columns": ["deployment_key"]},
            {"columns": ["finished_at"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

{% if is_incremental() %}
    changed as materialized (
        select
            located.deployment_key,
            located.service_key,
            located.environment_key,
            located.repository,
            located.finished_at
        from {{ ref("int_deployments__located") }} as located
        where {{ is_new_in("located") }}
    ),

    -- From where on the deployments of a service have to be gone through anew.
    starts as materialized (
        select
            service_key,
            environment_key,
            repository,
            min(finished_at) as finished_at
        from (
            select
                service_key,
                environment_key,
                repository,
                finished_at
            from changed
            union all
            select
                known.service_key,
                known.environment_key,
                known.repository,
                known.finished_at
            from {{ this }} as known
            where known.deployment_key = any(array(select changed.deployment_key from changed))
        ) as moments
        where repository is not null and finished_at is not null
        group by service_key, environment_key, repository
    ),

    bases as (
        select
            starts.*,
            (
                select located.position from {{ ref("int_deployments__located") }} as located
                where
                    located.service_key = starts.service_key
                    and located.environment_key = starts.environment_key
                    and located.repository = starts.repository
                    and located.finished_at < starts.finished_at
                    and located.position is not null
                order by located.position desc
                limit 1
            ) as position
        from starts
    ),

    deployments as (
        select
            located.*,
            bases.position as base_position
        from bases
        inner join {{ ref("int_deployments__located") }} as located
            on
                bases.service_key = located.service_key
                and bases.environment_key = located.environment_key
                and bases.repository = located.repository
                and bases.finished_at <= located.finished_at
        union all
        select
            located.*,
            null as base_position
        from {{ ref("int_deployments__located") }} as located
        inner join changed on located.deployment_key = changed.deployment_key
        where located.position is null or located.finished_at is null
    ),
{% else %}
deployments as (
    select
        *,
        null::bigint as base_position
    from {{ ref("int_deployments__located") }}
),
{% endif %}

-- A deployment of what was deployed before brings nothing, and takes nothing back.
ranges as (
    select
        *,
        greatest(
            base_position,
            max(position) over (
                partition by service_key, environment_key, repository
                order by finished_at, deployment_key collate "C"
                rows between unbounded preceding and 1 preceding
            )
        ) as from_position
    from deployments
),

commits as (
    select
        ranges.deployment_key,
        commits.sha,
        commits.committed_at,
        extract(epoch from ranges.finished_at - commits.committed_at)::double precision as lead_seconds
    from ranges
    inner join {{ ref("int_commits__placed") }} as commits
        on
            ranges.repository = commits.repository
            and ranges.from_position < commits.position
            and ranges.position >= commits.position
    where
        commits.committed_at <= ranges.finished_at
        and not exists (
            select 1 from {{ ref("int_pushes__rewound") }} as rewound
            where
                rewound.repository = commits.repository
                and rewound.sequence <= ranges.first_sequence
                and commits.position > rewound.from_position
                and commits.position <= rewound.to_position
                and not exists (
                    select 1 from unnest(commits.sequences) as pushed (sequence)
                    where pushed.sequence between rewound.sequence and ranges.first_sequence
                )
        )
)

select
    ranges.deployment_key,
    ranges.service_key,
    ranges.environment_key,
    ranges.repository,
    commits.sha,
    commits.committed_at,
    ranges.finished_at,
    commits.lead_seconds,
    run.transformed_at
from ranges
cross join run
left join commits on ranges.deployment_key = commits.deployment_key
