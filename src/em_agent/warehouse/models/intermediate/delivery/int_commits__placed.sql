{{
    config(
        unique_key=["repository", "sha"],
        indexes=[
            {"columns": ["repository", "sha"], "unique": true},
            {"columns": ["repository", "position"]},
            {"columns": ["repository", "first_sequence", "position"]},
            {"columns": ["repository", "last_sequence"]},
            {"columns": ["transformed_at"]},
        ],
        post_hook=[
            "{{ index_when_built('(sha collate \"C\")') }}",
        ],
    )
}}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

-- Where pushes were only added behind all others, what was placed stays.
repositories as materialized (
    select
        changed.repository,
        {% if is_incremental() %}
            min(changed.sequence) > coalesce(max(known.last_sequence), 0) as is_extended,
            coalesce(max(known.position), 0) as position
        {% else %}
            false as is_extended,
            0::bigint as position
        {% endif %}
    from {{ ref("int_pushes__sequenced") }} as changed
    {% if is_incremental() %}
        left join lateral (
            select
                (
                    select placed.last_sequence from {{ this }} as placed
                    where placed.repository = changed.repository
                    order by placed.last_sequence desc
                    limit 1
                ) as last_sequence,
                (
                    select placed.position from {{ this }} as placed
                    where placed.repository = changed.repository
                    order by placed.position desc
                    limit 1
                ) as position
        ) as known on true
    {% endif %}
    where {{ is_new_in("changed") }} and changed.sequence is not null
    group by changed.repository
),

pushed as (
    select
        sequenced.repository,
        repositories.is_extended,
        sequenced.sequence,
        commits.ordinal,
        commits.value ->> 'sha' as sha,
        (commits.value ->> 'at')::timestamptz as committed_at,
        commits.value ->> 'title' as title,
        commits.value ->> 'author' as author,
        commits.value ->> 'url' as url
    from repositories
    inner join {{ ref("int_pushes__sequenced") }} as sequenced on repositories.repository = sequenced.repository
    inner join {{ ref("stg_github__pushes") }} as pushes on sequenced.event_id = pushes.event_id
    cross join lateral jsonb_array_elements(pushes.commits) with ordinality as commits (value, ordinal)
    where
        sequenced.sequence is not null
        {% if is_incremental() %}
            and (not repositories.is_extended or {{ is_new_in("sequenced") }})
        {% endif %}
),

-- A commit that is pushed again stays at its first place.
commits as (
    select
        repository,
        sha,
        bool_or(is_extended) as is_extended,
        array_agg(sequence order by sequence) as sequences,
        (array_agg(ordinal order by sequence))[1] as ordinal,
        (array_agg(committed_at order by sequence))[1] as committed_at,
        (array_agg(title order by sequence))[1] as title,
        (array_agg(author order by sequence))[1] as author,
        (array_agg(url order by sequence))[1] as url
    from pushed
    group by repository, sha
),

{% if is_incremental() %}
    placed as (
        select
            commits.repository,
            commits.sha,
            commits.ordinal,
            commits.is_extended and known.sha is not null as is_known,
            known.sha is not null as has_place,
            known.position as known_position,
            known.sequences as known_sequences,
            case
                when commits.is_extended and known.sha is not null then known.sequences || commits.sequences
                else commits.sequences
            end as sequences,
            case
                when commits.is_extended and known.sha is not null then known.committed_at else commits.committed_at
            end as committed_at,
            case when commits.is_extended and known.sha is not null then known.title else commits.title end as title,
            case when commits.is_extended and known.sha is not null then known.author else commits.author end as author,
            case when commits.is_extended and known.sha is not null then known.url else commits.url end as url,
            known.committed_at as known_committed_at
        from commits
        left join {{ this }} as known on commits.repository = known.repository and commits.sha = known.sha
    ),
{% else %}
placed as (
    select
        *,
        false as is_known
    from commits
),
{% endif %}

positions as (
    select
        placed.*,
        {% if is_incremental() %}
            case
                when placed.is_known then placed.known_position
                when repositories.is_extended then repositories.position + row_number() over in_order
                else row_number() over in_order
            end as position
        {% else %}
            row_number() over in_order as position
        {% endif %}
    from placed
    inner join repositories on placed.repository = repositories.repository
    window
        in_order as (
            partition by placed.repository, placed.is_known
            order by placed.sequences[1], placed.ordinal
        )
)

select
    positions.repository,
    positions.sha,
    positions.position,
    positions.sequences[1] as first_sequence,
    positions.sequences[array_upper(positions.sequences, 1)] as last_sequence,
    positions.sequences,
    positions.committed_at,
    positions.title,
    positions.author,
    positions.url,
    run.transformed_at
from positions
cross join run
{% if is_incremental() %}
    where
        not positions.has_place
        or positions.position <> positions.known_position
        or positions.sequences <> positions.known_sequences
        or positions.committed_at is distinct from positions.known_committed_at
{% endif %}
