{{
    config(
        materialized="incremental",
        unique_key="issue_key",
        indexes=[
            {"columns": ["issue_key"]},
            {"columns": ["name", "kind"]},
            {"columns": ["transformed_at", "issue_key"]},
        ],
    )
}}

{%- set newest_first = 'at desc, told_at desc, reading_rank desc, delivery_id collate "C" desc, '
    ~ 'event_key collate "C" desc' %}

with events as (
    select *
    from {{ ref("int_issues__told") }}
    where {{ changed_issues(ref("int_issues__told")) }}
),

issues as (
    select
        issue_key,
        min(source) as source,
        (array_agg(title order by {{ newest_first }}) filter (where title is not null))[1] as title,
        (array_agg(body order by {{ newest_first }}) filter (where body is not null))[1] as body
    from events
    group by issue_key
),

-- A comment stands as it was last edited, and says nothing once it is deleted.
comments as (
    select distinct on (issue_key, comment_id)
        issue_key,
        comment,
        is_comment_deletion
    from events
    where comment_id is not null and (comment is not null or is_comment_deletion)
    order by
        issue_key asc, comment_id asc, comment_at desc, told_at desc, is_comment_deletion desc,
        delivery_id collate "C" desc, event_key collate "C" desc
),

texts as (
    select
        issue_key,
        title as text
    from issues
    union all
    select
        issue_key,
        body as text
    from issues
    union all
    select
        issue_key,
        comment as text
    from comments
    where not is_comment_deletion
),

names as (
    select
        events.issue_key,
        'name' as kind,
        own.name
    from events
    cross join lateral unnest(events.names) as own (name)
    union all
    select
        texts.issue_key,
        told.kind,
        told.name
    from texts
    cross join lateral ({{ told_incidents("texts.text") }}) as told
),

known as (
    select
        issue_key,
        kind,
        name
    from names
    group by issue_key, kind, name
)

-- One that names nothing has a row, too: it tells that this version of the issue was read.
select
    issues.issue_key,
    issues.source,
    known.kind,
    known.name,
    {{ mark_of_run() }} as transformed_at
from issues
left join known on issues.issue_key = known.issue_key
