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
    {{ new_deliveries("github", "events_raw.event_type ~ '^(issues|issue_comment)([.]|$)'") }}
),

-- {"action": "closed", "issue": {"id", "number", "html_url", …}, "repository": {"full_name"}, "comment": {…}}. One that
-- is moved to another repository becomes another issue, with another number.
bodies as (
    select
        deliveries.event_id,
        deliveries.source,
        deliveries.delivery_id,
        deliveries.received_at,
        deliveries.told_at,
        {{ json_text("top.action") }} as action,
        top.issue,
        top.comment,
        top.repository,
        {{ json_object("top.changes") }} as changes
    from deliveries
    cross join lateral {{ fields_of("deliveries.body", "top", [
        "action", "issue", "comment", "repository", "changes"
    ]) }}
),

tellings as (
    select
        bodies.*,
        1 as position,
        bodies.issue as told,
        bodies.repository as home,
        bodies.changes -> 'old_issue' as old_issue,
        bodies.changes -> 'old_repository' as old_home,
        bodies.comment as remark
    from bodies
    union all
    select
        bodies.*,
        2 as position,
        bodies.changes -> 'new_issue' as told,
        bodies.changes -> 'new_repository' as home,
        bodies.issue as old_issue,
        bodies.repository as old_home,
        null as remark
    from bodies
    where bodies.action = 'transferred'
),

issues as (
    select
        tellings.*,
        issue.*,
        {{ believed_time(json_time("issue.updated_at"), "tellings.received_at") }} as believed_at,
        coalesce({{ json_text("issue.state") }}, case tellings.action when 'closed' then 'closed' else 'open' end)
            as issue_state,
        coalesce(
            {{ json_text("(" ~ json_object("tellings.home") ~ " -> 'full_name')") }},
            substring({{ json_text("issue.repository_url") }} from '/repos/([^/]+/[^/]+)$')
        ) as repository_name,
        {{ json_text("(" ~ json_object("tellings.old_home") ~ " -> 'full_name')") }} as old_repository_name,
        {{ json_id("(" ~ json_object("tellings.old_issue") ~ " -> 'number')") }} as old_number,
        {{ json_object("tellings.remark") }} as comment_object
    from tellings
    cross join lateral {{ fields_of("tellings.told", "issue", [
        "id", "number", "html_url", "repository_url", "title", "state", "state_reason", "created_at",
        "updated_at", "closed_at", "labels", "pull_request"
    ]) }}
    -- Pull requests have issues' numbers and comments.
    where issue.pull_request is null or json_typeof(issue.pull_request) = 'null'
),

named as (
    select
        *,
        left(repository_name, 180) || '#' || {{ json_id("number") }} as issue_name,
        left(old_repository_name, 180) || '#' || old_number as old_name,
        {{ json_url("html_url") }} as url,
        position = 1 and coalesce({{ json_id("(comment_object -> 'id')") }} is null, true) as is_about_issue
    from issues
)

select
    named.event_id || ':' || named.position as event_key,
    named.event_id,
    'github:' || coalesce({{ json_id("named.id") }}, lower(named.issue_name)) as issue_key,
    named.source,
    named.delivery_id,
    coalesce(named.believed_at, named.told_at) as at,
    named.told_at,
    case
        when not named.is_about_issue then 1
        when named.action = 'opened' then 0
        when named.action in ('closed', 'reopened') then 2
        when named.action in ('deleted', 'transferred') then 3
        else 1
    end as reading_rank,
    named.received_at,
    'issue' as issue_type,
    named.issue_name as key,
    {{ issue_names("array[lower(named.issue_name), lower(named.old_name)]", "named.url") }} as names,
    named.url,
    {{ json_line("named.title") }} as title,
    {{ prose("(named.told -> 'body')") }} as body,
    named.issue_state as status,
    case
        when named.issue_state = 'open' then 'todo'
        when {{ json_text("named.state_reason") }} in ('not_planned', 'duplicate') then 'canceled'
        when named.issue_state = 'closed' then 'done'
    end as status_category,
    coalesce(named.is_about_issue and named.action = 'reopened', false) as is_reopening,
    coalesce(named.is_about_issue and named.action in ('deleted', 'transferred'), false) as is_deletion,
    {{ json_time("named.created_at") }} as created_at,
    {{ json_time("named.closed_at") }} as done_at,
    left(named.repository_name, 180) as project,
    {{ label_names("named.labels") }} as labels,
    null::text[] as labels_added,
    null::text[] as labels_removed,
    {{ json_id("(named.comment_object -> 'id')") }} as comment_id,
    {{ prose("(named.comment_object -> 'body')") }} as comment,
    coalesce(
        {{ believed_time(json_time("named.comment_object -> 'updated_at'"), "named.received_at") }}, named.told_at
    ) as comment_at,
    coalesce(not named.is_about_issue and named.action = 'deleted', false) as is_comment_deletion,
    run.transformed_at
from named
cross join run
where coalesce({{ json_id("named.id") }}, named.issue_name) is not null
