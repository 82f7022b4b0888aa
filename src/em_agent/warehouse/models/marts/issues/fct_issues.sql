{{
    config(
        unique_key="issue_key",
        indexes=[
            {"columns": ["issue_key"], "unique": true},
            {"columns": ["transformed_at"]},
        ],
    )
}}

{%- set in_order = 'at, told_at, reading_rank, delivery_id collate "C", event_key collate "C"' %}
{%- set newest_first = 'order by at desc, told_at desc, reading_rank desc, delivery_id collate "C" desc, '
    ~ 'event_key collate "C" desc' %}

with events as (
    select *
    from {{ ref("int_issues__told") }}
    where {{ changed_issues(ref("int_issues__told")) }}
),

states as (
    select
        issue_key,
        at,
        done_at,
        status_category in ('done', 'canceled') as is_done,
        is_reopening,
        row_number() over (partition by issue_key order by {{ in_order }}) as position,
        lag(status_category) over (partition by issue_key order by {{ in_order }}) in ('done', 'canceled') as was_done
    from events
    where status_category is not null
),

placed as (
    select
        *,
        max(position) filter (where not is_done) over (partition by issue_key) as last_open_position
    from states
),

-- Done since the first telling after it was last seen open, unless the tracker says since when.
lives as (
    select
        issue_key,
        count(*) filter (where not is_done and (was_done or is_reopening)) as reopen_count,
        coalesce(
            (array_agg(done_at order by position desc) filter (
                where done_at is not null and position > coalesce(last_open_position, 0)
            ))[1],
            min(at) filter (where position > coalesce(last_open_position, 0))
        ) as done_at
    from placed
    group by issue_key
),

-- Labels come as a list, or as what was added and removed since the newest list.
stated_lists as (
    select distinct on (issue_key)
        issue_key,
        labels,
        at,
        told_at,
        reading_rank,
        delivery_id,
        event_key
    from events
    where labels is not null
    order by
        issue_key asc, at desc, told_at desc, reading_rank desc, delivery_id collate "C" desc,
        event_key collate "C" desc
),

label_events as (
    select
        events.*,
        unnest(events.labels_added || events.labels_removed) as label
    from events
    where events.labels_added is not null or events.labels_removed is not null
),

label_changes as (
    select distinct on (label_events.issue_key, label_events.label)
        label_events.issue_key,
        label_events.label,
        coalesce(label_events.label = any(label_events.labels_added), false) as is_added
    from label_events
    left join stated_lists on label_events.issue_key = stated_lists.issue_key
    where
        stated_lists.issue_key is null
        or (
            label_events.at,
            label_events.told_at,
            label_events.reading_rank,
            label_events.delivery_id collate "C",
            label_events.event_key collate "C"
        ) > (
            stated_lists.at,
            stated_lists.told_at,
            stated_lists.reading_rank,
            stated_lists.delivery_id collate "C",
            stated_lists.event_key collate "C"
        )
    order by
        label_events.issue_key asc, label_events.label asc, label_events.at desc, label_events.told_at desc,
        label_events.reading_rank desc, label_events.delivery_id collate "C" desc,
        label_events.event_key collate "C" desc
),

labelled as (
    select
        held.issue_key,
        array_agg(distinct held.label order by held.label) as labels
    from (
        select
            stated_lists.issue_key,
            stated.label collate "C" as label
        from stated_lists
        cross join lateral unnest(stated_lists.labels) as stated (label)
        where
            not exists (
                select 1 from label_changes
                where
                    label_changes.issue_key = stated_lists.issue_key
                    and label_changes.label = stated.label
                    and not label_changes.is_added
            )
        union all
        select
            issue_key,
            label collate "C" as label
        from label_changes
        where is_added
    ) as held
    group by held.issue_key
),

-- Each field has the value of the newest telling that states it. What is said of a comment says nothing of a deletion.
issues as (
    select
        issue_key,
        min(source) as source,
        (array_agg(key {{ newest_first }}) filter (where key is not null))[1] as key,
        (array_agg(issue_type {{ newest_first }}))[1] as issue_type,
        (array_agg(title {{ newest_first }}) filter (where title is not null))[1] as title,
        (array_agg(url {{ newest_first }}) filter (where url is not null))[1] as url,
        (array_agg(status {{ newest_first }}) filter (where status is not null))[1] as status,
        (array_agg(status_category {{ newest_first }}) filter (where status_category is not null))[1]
            as status_category,
        (array_agg(project {{ newest_first }}) filter (where project is not null))[1] as project,
        coalesce((array_agg(is_deletion {{ newest_first }}) filter (where comment_id is null))[1], false)
            as is_deleted,
        min(created_at) as created_at,
        min(at) as first_seen_at,
        max(at) as last_event_at
    from events
    group by issue_key
)

select
    issues.issue_key,
    issues.source,
    issues.key,
    issues.issue_type,
    issues.title,
    issues.url,
    issues.status,
    issues.status_category,
    coalesce(issues.status_category in ('done', 'canceled'), false) as is_done,
    issues.created_at,
    case when issues.status_category in ('done', 'canceled') then lives.done_at end as done_at,
    coalesce(lives.reopen_count, 0)::integer as reopen_count,
    coalesce(labelled.labels, '{}') as labels,
    issues.project,
    issues.is_deleted,
    issues.first_seen_at,
    issues.last_event_at,
    {{ mark_of_run() }} as transformed_at
from issues
left join lives on issues.issue_key = lives.issue_key
left join labelled on issues.issue_key = labelled.issue_key
