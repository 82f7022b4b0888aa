{{
    config(
        unique_key="event_key",
        tags=["issues"],
        indexes=[
            {"columns": ["event_key"], "unique": true},
            {"columns": ["event_id"]},
            {"columns": ["issue_key"]},
            {"columns": ["transformed_at", "issue_key"]},
        ],
    )
}}

with run as materialized (
    select {{ mark_of_run() }} as transformed_at
),

deliveries as materialized (
    {{ new_deliveries("linear") }}
),

-- {"type": "Issue", "action": "update", "createdAt", "url", "data": {"id", "identifier", "title", "state": {"name",
-- "type"}, "team": {"key"}, …}}. A comment's data refers to its issue; a project is told as an issue of its own.
events as (
    select
        deliveries.event_id,
        deliveries.source,
        deliveries.delivery_id,
        deliveries.received_at,
        deliveries.told_at,
        {{ json_text("top.type") }} as kind,
        {{ json_text("top.action") }} as action,
        {{ json_url("top.url") }} as told_url,
        data.*,
        case when {{ json_text("top.type") }} = 'Comment' then {{ json_object("data.issue") }} else top.data end as told
    from deliveries
    cross join lateral {{ fields_of("deliveries.body", "top", ["type", "action", "url", "data"]) }}
    cross join lateral {{ fields_of("top.data", "data", ["id", '"issueId"', "issue", "body", '"updatedAt"']) }}
    where {{ json_text("top.type") }} in ('Issue', 'Comment', 'Project')
),

issues as (
    select
        events.event_id,
        events.source,
        events.delivery_id,
        events.received_at,
        events.told_at,
        events.kind,
        events.action,
        case when events.kind = 'Comment' then {{ json_id("events.id") }} end as comment_id,
        case when events.kind = 'Comment' then {{ prose("events.body") }} end as comment,
        {{ believed_time(json_time('events."updatedAt"'), "events.received_at") }} as believed_at,
        case
            when events.kind = 'Comment' then coalesce({{ json_id('events."issueId"') }}, {{ json_id("issue.id") }})
            else {{ json_id("issue.id") }}
        end as issue_id,
        coalesce(
            {{ json_id("issue.identifier") }},
            {{ json_id("(" ~ json_object("issue.team") ~ " -> 'key')") }} || '-' || {{ json_id("issue.number") }},
            substring(events.told_url from '/issue/([A-Za-z0-9_]+-[0-9]+)'),
            {{ json_id('issue."slugId"') }}
        ) as issue_name,
        regexp_replace(coalesce({{ json_url("issue.url") }}, events.told_url), '#.*$', '') as issue_url,
        coalesce({{ json_line("issue.title") }}, {{ json_line("issue.name") }}) as title,
        case when events.kind <> 'Comment' then {{ prose("(events.told -> 'description')") }} end as issue_body,
        coalesce(
            {{ json_line(json_object("issue.state") ~ " -> 'name'") }},
            {{ json_line(json_object("issue.status") ~ " -> 'name'") }},
            {{ json_line("issue.state") }}
        ) as status_name,
        coalesce(
            {{ json_text("(" ~ json_object("issue.state") ~ " -> 'type')") }},
            {{ json_text("(" ~ json_object("issue.status") ~ " -> 'type')") }},
            {{ json_text("issue.state") }}
        ) as status_type,
        {{ json_time('issue."createdAt"') }} as created_at,
        {{ json_time('issue."completedAt"') }} as completed_at,
        {{ json_time('issue."canceledAt"') }} as canceled_at,
        coalesce(issue.trashed #>> '{}' = 'true', false) as is_trashed,
        issue.labels,
        {{ json_id("(" ~ json_object("issue.team") ~ " -> 'key')") }} as team_key,
        array(
            select upper({{ json_id("former.value") }})
            from json_array_elements({{ json_list('issue."previousIdentifiers"') }}) as former
        ) as former_names
    from events
    cross join lateral {{ fields_of("events.told", "issue", [
        "id", "identifier", "number", "team", "url", "title", "name", "state", "status",
        '"createdAt"', '"completedAt"', '"canceledAt"', "trashed", "labels", '"slugId"',
        '"previousIdentifiers"'
    ]) }}
)

select
    issues.event_id || ':1' as event_key,
    issues.event_id,
    'linear:' || issues.issue_id as issue_key,
    issues.source,
    issues.delivery_id,
    case
        when issues.kind = 'Comment' then issues.told_at
        else coalesce(issues.believed_at, issues.told_at)
    end as at,
    issues.told_at,
    case
        when issues.kind = 'Comment' then 1
        when issues.action = 'create' then 0
        when issues.action = 'remove' then 3
        else 1
    end as reading_rank,
    issues.received_at,
    case when issues.kind = 'Project' then 'project' else 'issue' end as issue_type,
    issues.issue_name as key,
    {{ issue_names("upper(issues.issue_name) || issues.former_names", "issues.issue_url") }} as names,
    issues.issue_url as url,
    issues.title,
    issues.issue_body as body,
    issues.status_name as status,
    case
        when issues.status_type = 'completed' then 'done'
        when issues.status_type in ('canceled', 'cancelled', 'duplicate') then 'canceled'
        when issues.status_type = 'started' then 'started'
        when issues.status_type is not null then 'todo'
        when issues.canceled_at is not null then 'canceled'
        when issues.completed_at is not null then 'done'
        -- A state without its type has the names that a new workspace has.
        when lower(issues.status_name) in ('canceled', 'cancelled', 'duplicate') then 'canceled'
        when lower(issues.status_name) in ('done', 'completed') then 'done'
        when issues.status_name is not null then 'todo'
    end as status_category,
    false as is_reopening,
    coalesce(issues.kind <> 'Comment' and (issues.action = 'remove' or issues.is_trashed), false) as is_deletion,
    issues.created_at,
    coalesce(issues.completed_at, issues.canceled_at) as done_at,
    issues.team_key as project,
    {{ label_names("issues.labels") }} as labels,
    null::text[] as labels_added,
    null::text[] as labels_removed,
    issues.comment_id,
    issues.comment,
    coalesce(issues.believed_at, issues.told_at) as comment_at,
    coalesce(issues.kind = 'Comment' and issues.action = 'remove', false) as is_comment_deletion,
    run.transformed_at
from issues
cross join run
where issues.issue_id is not null
