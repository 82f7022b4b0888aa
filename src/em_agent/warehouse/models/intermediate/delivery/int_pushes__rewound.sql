{{ config(materialized="replaced_view") }}

-- A forced push that ends at a commit that was pushed before takes off what lies behind that. Of any other only its
-- number of commits is known: it replaces as many, at least the tip. A branch that is created anew begins anew.
with rewinds as (
    select
        pushes.repository,
        pushes.sequence,
        case
            when target.position is not null then target.position
            when pushes.is_created then 0
            when
                pushes.is_forced and tip.position is not null
                then greatest(tip.position - greatest(pushes.commit_count, 1), 0)
        end as from_position,
        newest.position as to_position
    from {{ ref("int_pushes__sequenced") }} as pushes
    left join {{ ref("int_commits__placed") }} as target
        on
            pushes.repository = target.repository
            and pushes.after_sha = target.sha
            and pushes.sequence > target.first_sequence
    left join {{ ref("int_commits__placed") }} as tip
        on
            pushes.repository = tip.repository
            and pushes.before_sha = tip.sha
            and pushes.sequence > tip.first_sequence
    cross join
        lateral (
            select placed.position
            from {{ ref("int_commits__placed") }} as placed
            where placed.repository = pushes.repository and placed.first_sequence < pushes.sequence
            order by placed.first_sequence desc, placed.position desc
            limit 1
        ) as newest
    where pushes.is_rewinding and pushes.sequence is not null
)

select
    repository,
    sequence,
    from_position,
    to_position
from rewinds
where from_position < to_position
