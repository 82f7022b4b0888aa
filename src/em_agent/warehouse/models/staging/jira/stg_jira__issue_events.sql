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
    {{ new_deliveries("jira") }}
),

-- {"timestamp": 1772442000210, "webhookEvent": "jira:issue_updated", "issue": {"id", "key", "self", "fields": {…}},
-- "changelog": {…}, "comment": {…}}; with a comment's own events some fields of the issue are missing.
events as (
    select
        deliveries.*,
        {{ json_text('top."webhookEvent"') }} as kind,
        issue.id,
        issue.key,
        issue.self,
        issue.fields,
        top.comment,
        {{ believed_time(json_time("fields.updated"), "deliveries.received_at") }} as updated_at,
        fields.summary,
        fields.created,
        fields.labels,
        fields.resolution,
        fields.resolutiondate,
        fields.status,
        {{ json_object("fields.project") }} as project,
        {{ json_object("fields.status") }} as status_object,
        {{ json_object("top.comment") }} as comment_object
    from deliveries
    cross join lateral {{ fields_of("deliveries.body", "top", ['"webhookEvent"', "issue", "comment"]) }}
    cross join lateral {{ fields_of("top.issue", "issue", ["id", "key", "self", "fields"]) }}
    cross join lateral {{ fields_of("issue.fields", "fields", [
        "summary", "created", "updated", "labels", "resolution", "resolutiondate", "status",
        "project"
    ]) }}
),

described as (
    select
        *,
        coalesce({{ json_id("id") }}, {{ json_id("key") }}) as issue_id,
        {{ json_id("key") }} as issue_name,
        -- What an app reads over Atlassian's own host has no page there.
        substring(
            left({{ json_text("self") }}, 500) from '^(https?://(?!api[.]atlassian[.]com)[^[:space:]?#<>"]+?)/rest/'
        ) || '/browse/' || {{ json_id("key") }} as url,
        {{ json_line("status_object -> 'name'") }} as status_name,
        case when json_typeof(status_object -> 'statusCategory') = 'object' then status_object -> 'statusCategory' end
            as status_category
    from events
)

select
    described.event_id || ':1' as event_key,
    described.event_id,
    'jira:' || described.issue_id as issue_key,
    described.source,
    described.delivery_id,
    coalesce(described.updated_at, described.told_at) as at,
    described.told_at,
    case
        when described.kind like '%issue_created' then 0
        when described.kind like '%issue_deleted' then 3
        else 1
    end as reading_rank,
    described.received_at,
    'issue' as issue_type,
    described.issue_name as key,
    {{ issue_names("array[upper(described.issue_name)]", "described.url") }} as names,
    described.url,
    {{ json_line("described.summary") }} as title,
    {{ prose("(described.fields -> 'description')") }} as body,
    described.status_name as status,
    case
        when {{ json_text("(described.status_category -> 'key')") }} = 'done' then 'done'
        when {{ json_text("(described.status_category -> 'key')") }} = 'new' then 'todo'
        when {{ json_text("(described.status_category -> 'key')") }} = 'indeterminate' then 'started'
        -- Older servers state no category.
        when json_typeof(described.resolution) = 'object' then 'done'
        when lower(described.status_name) in ('done', 'closed', 'resolved') then 'done'
        when described.status_name is not null then 'todo'
    end as status_category,
    false as is_reopening,
    described.kind like '%issue_deleted' as is_deletion,
    {{ json_time("described.created") }} as created_at,
    {{ json_time("described.resolutiondate") }} as done_at,
    {{ json_id("(described.project -> 'key')") }} as project,
    {{ label_names("described.labels") }} as labels,
    null::text[] as labels_added,
    null::text[] as labels_removed,
    {{ json_id("(described.comment_object -> 'id')") }} as comment_id,
    {{ prose("(described.comment_object -> 'body')") }} as comment,
    coalesce(
        {{ believed_time(json_time("described.comment_object -> 'updated'"), "described.received_at") }},
        described.told_at
    ) as comment_at,
    coalesce(described.kind = 'comment_deleted', false) as is_comment_deletion,
    run.transformed_at
from described
cross join run
where described.issue_id is not null
