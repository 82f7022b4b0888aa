{{
    config(
        unique_key="event_id",
        indexes=[
            {"columns": ["event_id"], "unique": true},
            {"columns": ["repository", "sequence"]},
            {"columns": ["transformed_at"]},
        ],
        post_hook=[
            "{{ index_when_built('(repository, sequence) where is_rewinding') }}",
        ],
    )
}}

with recursive run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

arrived as materialized (
    select
        pushes.event_id,
        pushes.repository,
        pushes.before_sha,
        pushes.after_sha,
        pushes.is_created,
        pushes.is_deleted,
        pushes.is_forced,
        pushes.pushed_at
    from {{ ref("stg_github__pushes") }} as pushes
    where
        {{ is_new_in("pushes") }}
        {% if is_incremental() %}
            and not exists (
                select 1 from {{ this }} as known
                where known.event_id = pushes.event_id
            )
        {% endif %}
),

{% if is_incremental() %}
-- Pushes that do nothing but extend the tip, one by one, need no look at what is below it.
    tips as materialized (
        select
            repositories.repository,
            repositories.pushes,
            tip.after_sha,
            tip.pushed_at,
            tip.sequence
        from (
            select
                repository,
                count(*) as pushes
            from arrived
            group by repository
        ) as repositories
        cross join lateral (
            select
                known.after_sha,
                known.pushed_at,
                known.sequence
            from {{ this }} as known
            where known.repository = repositories.repository and known.sequence is not null
            order by known.sequence desc
            limit 1
        ) as tip
    ),

    extending as (
        select
            tips.repository,
            null::bigint as event_id,
            tips.after_sha,
            tips.pushed_at,
            tips.sequence,
            0::bigint as depth,
            tips.pushes
        from tips
        union all
        select
            arrived.repository,
            arrived.event_id,
            arrived.after_sha,
            arrived.pushed_at,
            extending.sequence + 1 as sequence,
            extending.depth + 1 as depth,
            extending.pushes
        from extending
        inner join arrived
            on
                extending.repository = arrived.repository
                and extending.after_sha = arrived.before_sha
                and extending.depth < extending.pushes
        where
            not (arrived.is_forced or arrived.is_created or arrived.is_deleted)
            and arrived.before_sha <> arrived.after_sha
            and coalesce(arrived.pushed_at >= extending.pushed_at, true)
            and not exists (
                select 1 from {{ ref("stg_github__pushes") }} as others
                where
                    others.repository = arrived.repository
                    and others.event_id <> arrived.event_id
                    and others.before_sha = arrived.before_sha
            )
            and not exists (
                select 1 from {{ ref("stg_github__pushes") }} as others
                where
                    others.repository = arrived.repository
                    and others.event_id <> arrived.event_id
                    and others.after_sha = arrived.after_sha
            )
    ),

    extended as materialized (
        select repository
        from extending
        where event_id is not null
        group by repository
        having
            count(*) = max(pushes)
            and bool_and(not exists (
                select 1 from {{ this }} as known
                inner join {{ ref("stg_github__pushes") }} as others on known.event_id = others.event_id
                where others.repository = extending.repository and others.before_sha = extending.after_sha
            ))
    ),
{% endif %}

pushes as materialized (
    select distinct on (pushes.repository, pushes.before_sha, pushes.after_sha, pushes.pushed_at)
        pushes.event_id,
        pushes.repository,
        pushes.before_sha,
        pushes.after_sha,
        pushes.is_created,
        pushes.is_deleted,
        pushes.pushed_at,
        pushes.at,
        pushes.delivery_id
    from {{ ref("stg_github__pushes") }} as pushes
    where
        pushes.before_sha <> pushes.after_sha
        {% if is_incremental() %}
            and pushes.repository in (
                select arrived.repository from arrived
                where arrived.repository not in (select extended.repository from extended)
            )
        {% endif %}
    -- Two hooks may tell of one push.
    order by
        pushes.repository asc,
        pushes.before_sha asc,
        pushes.after_sha asc,
        pushes.pushed_at asc,
        pushes.delivery_id collate "C" asc
),

-- At each commit that was the tip pushes arrive and leave.
ends as (
    select
        event_id,
        repository,
        before_sha as sha,
        pushed_at,
        at,
        delivery_id,
        false as is_arrival
    from pushes
    where not is_created
    union all
    select
        event_id,
        repository,
        after_sha as sha,
        pushed_at,
        at,
        delivery_id,
        true as is_arrival
    from pushes
    where not is_deleted
),

meetings as (
    select
        event_id,
        repository,
        is_arrival,
        at,
        delivery_id,
        pushed_at,
        count(*) over tip as ends,
        count(*) filter (where is_arrival) over tip as arrivals,
        max(event_id) filter (where is_arrival) over tip as arrival_id,
        max(pushed_at) filter (where is_arrival) over tip as arrived_at,
        lag(event_id) over in_time as earlier_id,
        lag(is_arrival) over in_time as is_after_arrival
    from ends
    window
        tip as (partition by repository, sha),
        in_time as (
            partition by repository, sha
            order by at asc, is_arrival desc, delivery_id collate "C" asc
        )
),

-- Where one arrived and one left they follow each other, unless GitHub's own clock contradicts. Where the branch was
-- more than once, who leaves follows who arrived last.
links as materialized (
    select
        event_id,
        repository,
        at,
        delivery_id,
        case
            when ends = 2 and arrivals = 1
                then case when coalesce(arrived_at <= pushed_at, true) then arrival_id end
            when is_after_arrival then earlier_id
        end as previous_id
    from meetings
    where not is_arrival
    union all
    select
        event_id,
        repository,
        at,
        delivery_id,
        null as previous_id
    from pushes
    where is_created
),

-- What follows in time as it follows on the branch is one stretch, so that there are few of them to be put in order.
stretched as materialized (
    select
        starts.*,
        count(*) filter (where starts.is_start) over (
            partition by starts.repository
            order by starts.at, starts.delivery_id collate "C"
            rows between unbounded preceding and current row
        ) as stretch
    from (
        select
            links.*,
            coalesce(
                links.previous_id <> lag(links.event_id) over (
                    partition by links.repository order by links.at, links.delivery_id collate "C"
                ),
                true
            ) as is_start
        from links
    ) as starts
),

stretches as materialized (
    select
        starts.repository,
        starts.stretch,
        starts.at,
        starts.delivery_id,
        earlier.stretch as previous_stretch,
        (earlier.at, earlier.delivery_id collate "C") < (starts.at, starts.delivery_id collate "C") as is_forward
    from stretched as starts
    left join stretched as earlier on starts.previous_id = earlier.event_id
    where starts.is_start
),

walked as (
    select
        repository,
        stretch,
        stretch as root,
        1 as depth
    from stretches
    where previous_stretch is null
    union all
    select
        stretches.repository,
        stretches.stretch,
        walked.root,
        walked.depth + 1 as depth
    from walked
    inner join stretches on walked.repository = stretches.repository and walked.stretch = stretches.previous_stretch
),

-- What nothing leads to goes round in a circle, which begins where a push is older than the one before it.
circles as materialized (
    select
        stretches.repository,
        stretches.stretch,
        case when stretches.is_forward then stretches.previous_stretch end as previous_stretch
    from stretches
    left join walked on stretches.repository = walked.repository and stretches.stretch = walked.stretch
    where walked.stretch is null
),

rounds as (
    select
        repository,
        stretch,
        stretch as root,
        1 as depth
    from circles
    where previous_stretch is null
    union all
    select
        circles.repository,
        circles.stretch,
        rounds.root,
        rounds.depth + 1 as depth
    from rounds
    inner join circles on rounds.repository = circles.repository and rounds.stretch = circles.previous_stretch
),

-- Where a push was lost, what follows it comes by the time of its first one.
ordered as (
    select
        stretched.event_id,
        row_number() over (
            partition by stretched.repository
            order by
                roots.at,
                roots.delivery_id collate "C",
                places.depth,
                stretched.at,
                stretched.delivery_id collate "C"
        ) as sequence
    from (
        select * from walked
        union all
        select * from rounds
    ) as places
    inner join stretched on places.repository = stretched.repository and places.stretch = stretched.stretch
    inner join stretches as roots on places.repository = roots.repository and places.root = roots.stretch
),

sequenced as (
    select
        pushes.event_id,
        ordered.sequence
    from {{ ref("stg_github__pushes") }} as pushes
    left join ordered on pushes.event_id = ordered.event_id
    {% if is_incremental() %}
        where
            pushes.repository in (
                select arrived.repository from arrived
                where arrived.repository not in (select extended.repository from extended)
            )
        union all
        select
            extending.event_id,
            extending.sequence
        from extending
        inner join extended on extending.repository = extended.repository
        where extending.event_id is not null
    {% endif %}
)

select
    pushes.event_id,
    pushes.repository,
    pushes.before_sha,
    pushes.after_sha,
    pushes.is_created,
    pushes.is_forced,
    pushes.commit_count,
    not pushes.is_deleted and (pushes.is_forced or pushes.is_created or pushes.commit_count = 0) as is_rewinding,
    pushes.pushed_at,
    sequenced.sequence,
    run.transformed_at
from sequenced
inner join {{ ref("stg_github__pushes") }} as pushes on sequenced.event_id = pushes.event_id
cross join run
{% if is_incremental() %}
    left join {{ this }} as known on sequenced.event_id = known.event_id
    where known.event_id is null or known.sequence is distinct from sequenced.sequence
{% endif %}
