{{
    config(
        unique_key="incident_id",
        indexes=[
            {"columns": ["incident_id"]},
            {"columns": ["deployment_key"]},
            {"columns": ["told_by_key"]},
            {"columns": ["transformed_at"]},
        ],
    )
}}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

settings as materialized (
    select make_interval(secs => change_window_seconds) as change_window
    from {{ ref("stg_em_agent__settings") }}
),

{% if is_incremental() %}
-- Incidents that changed, and those whose link a changed deployment may be, or may cease to be.
    changed as materialized (
        select changed.*
        from {{ ref("fct_deployments") }} as changed
        where {{ is_new_in("changed") }}
    ),

    affected as materialized (
        select worded.incident_id
        from {{ ref("int_incidents__worded") }} as worded
        where {{ is_new_in("worded") }}
        union
        select known.incident_id
        from changed
        inner join {{ this }} as known on changed.deployment_key = known.deployment_key
        union
        select known.incident_id
        from changed
        inner join {{ this }} as known on changed.deployment_key = known.told_by_key
        union
        select worded.incident_id
        from changed
        inner join {{ ref("int_incidents__worded") }} as worded
            on
                changed.finished_at < worded.triggered_at
                and changed.finished_at + (select settings.change_window from settings) >= worded.triggered_at
                and changed.service_key = any(worded.service_keys)
        union
        select worded.incident_id
        from changed
        inner join {{ ref("int_incidents__worded") }} as worded on worded.words @> array[changed.id_word]
        where changed.finished_at is not null
        union
        select worded.incident_id
        from changed
        inner join {{ ref("int_incidents__worded") }} as worded on worded.sha_starts @> array[left(changed.sha, 7)]
        where changed.finished_at is not null and length(changed.sha) >= 7
        union
        select changed.incident_id
        from changed
        where changed.incident_id is not null
        union
        select repairs.incident_id
        from changed
        inner join {{ ref("fct_deployments") }} as repairs on changed.deployment_key = repairs.rollback_of_key
        where repairs.incident_id is not null
        union
        select repairs.incident_id
        from (select distinct changed.service_key from changed) as services
        inner join {{ ref("fct_deployments") }} as repairs
            on services.service_key = repairs.service_key and repairs.incident_id is not null
    ),
{% endif %}

incidents as materialized (
    select
        worded.*,
        worded.triggered_at - (select settings.change_window from settings) as window_start
    from {{ ref("int_incidents__worded") }} as worded
    {% if is_incremental() %}
        where worded.incident_id = any(array(select affected.incident_id from affected))
    {% endif %}
),

words as materialized (
    select
        incidents.incident_id,
        incidents.triggered_at,
        incidents.service_keys,
        words.word
    from incidents
    cross join lateral unnest(incidents.words) as words (word)
    where incidents.triggered_at is not null
),

named as (
    select
        words.incident_id,
        deployments.environment_key,
        deployments.deployment_key,
        null as told_by_key,
        1 as choice,
        deployments.service_key = any(words.service_keys) as is_same_service,
        deployments.finished_at,
        'explicit' as method,
        1.0::double precision as confidence
    from words
    inner join {{ ref("fct_deployments") }} as deployments
        on words.word = deployments.id_word and words.triggered_at > deployments.finished_at
    where
        deployments.deployment_id = deployments.id_word
        or exists (
            select 1 from {{ ref("int_incidents__written") }} as written
            where
                written.incident_id = words.incident_id
                and written.text ~ ({{ as_whole_word("deployments.deployment_id") }})
        )
    union all
    select
        words.incident_id,
        deployments.environment_key,
        deployments.deployment_key,
        null as told_by_key,
        2 as choice,
        deployments.service_key = any(words.service_keys) as is_same_service,
        deployments.finished_at,
        'explicit' as method,
        0.95 as confidence
    from words
    inner join {{ ref("fct_deployments") }} as deployments
        on
            left(lower(words.word), 7) = left(deployments.sha, 7)
            and words.triggered_at > deployments.finished_at
            and (
                starts_with(deployments.sha, lower(words.word)) or starts_with(lower(words.word), deployments.sha)
            )
    where lower(words.word) ~ '^[0-9a-f]{7,64}$' and length(deployments.sha) >= 7
),

repairs as (
    select
        incidents.incident_id,
        incidents.triggered_at,
        repairs.deployment_key,
        repairs.environment_key,
        repairs.service_key,
        repairs.finished_at,
        repairs.rollback_of_key
    from incidents
    inner join {{ ref("fct_deployments") }} as repairs on incidents.incident_id = repairs.incident_id
    where repairs.finished_at is not null and repairs.kind in ('rollback', 'hotfix')
),

-- The first repair that says what it takes back; else the first one, which blames what was there before.
blamed as (
    select
        repairs.incident_id,
        repairs.environment_key,
        coalesce(stated.deployment_key, newest.deployment_key) as deployment_key,
        repairs.deployment_key as told_by_key,
        3 as choice,
        stated.deployment_key is not null as is_same_service,
        to_timestamp(-extract(epoch from repairs.finished_at)) as finished_at,
        'rollback' as method,
        0.9 as confidence
    from repairs
    left join {{ ref("fct_deployments") }} as stated
        on
            repairs.rollback_of_key = stated.deployment_key
            and repairs.environment_key = stated.environment_key
            and stated.finished_at is not null
    left join lateral (
        select earlier.deployment_key
        from {{ ref("fct_deployments") }} as earlier
        where
            earlier.service_key = repairs.service_key
            and earlier.environment_key = repairs.environment_key
            and earlier.finished_at < repairs.triggered_at
            and earlier.deployment_key <> repairs.deployment_key
        order by earlier.finished_at desc, earlier.deployment_key collate "C" desc
        limit 1
    ) as newest on true
    where coalesce(stated.deployment_key, newest.deployment_key) is not null
),

near as (
    select
        incidents.incident_id,
        deployments.environment_key,
        deployments.deployment_key,
        null as told_by_key,
        4 as choice,
        true as is_same_service,
        deployments.finished_at,
        'window' as method,
        0.8 - 0.4 * extract(epoch from incidents.triggered_at - deployments.finished_at)::double precision
        / extract(epoch from incidents.triggered_at - incidents.window_start)::double precision as confidence
    from incidents
    cross join lateral unnest(incidents.service_keys) as services (service_key)
    inner join {{ ref("fct_deployments") }} as deployments
        on
            services.service_key = deployments.service_key
            and incidents.triggered_at > deployments.finished_at
            and incidents.window_start <= deployments.finished_at
),

links as (
    select distinct on (incident_id, environment_key) *
    from (
        select * from named
        union all
        select * from blamed
        union all
        select * from near
    ) as candidates
    order by
        incident_id asc,
        environment_key asc,
        choice asc,
        is_same_service desc,
        finished_at desc,
        deployment_key collate "C" desc
)

-- An incident that is linked to none has a row, too, so that it replaces what was there.
select
    incidents.incident_id,
    links.environment_key,
    links.deployment_key,
    links.told_by_key,
    links.method,
    links.confidence,
    run.transformed_at
from incidents
cross join run
left join links on incidents.incident_id = links.incident_id
