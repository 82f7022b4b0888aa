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
    {{ new_deliveries("shortcut") }}
),

-- {"changed_at", "primary_id", "actions": [{"id": 117, "entity_type": "story", "action": "update", "name", "app_url",
-- "changes": {"completed": {"new": true, "old": false}}}], "references": [{"id": 500000010, "entity_type":
-- "workflow-state", "name": "Completed", "type": "done"}]}: what was created, with its fields, and what changed.
actions as (
    select
        deliveries.event_id,
        deliveries.source,
        deliveries.delivery_id,
        deliveries.received_at,
        deliveries.told_at,
        element.position,
        {{ json_list("top.references") }} as refs,
        {{ json_list("top.actions") }} as siblings,
        {{ json_text("action.entity_type") }} as entity,
        {{ json_text("action.action") }} as kind,
        action.*,
        {{ json_object("action.changes") }} as changed
    from deliveries
    cross join lateral {{ fields_of("deliveries.body", "top", ["actions", '"references"']) }}
    cross join lateral json_array_elements({{ json_list("top.actions") }}) with ordinality as element (value, position)
    cross join lateral {{ fields_of("element.value", "action", [
        "id", "entity_type", "action", "changes", "name", "app_url", "description", "text", "state",
        "started", "completed", "completed_at", "created_at", "workflow_state_id", "epic_state_id",
        "project_id", "group_id", "label_ids", "labels", "story_id", "epic_id"
    ]) }}
    where {{ json_text("action.entity_type") }} in ('story', 'epic', 'story-comment', 'epic-comment', 'comment')
),

-- A comment does not name its story, but its address does, or the story stands beside it.
owned as (
    select
        *,
        entity like '%comment' as is_comment,
        case
            when entity in ('story', 'epic') then entity
            else coalesce(
                substring({{ json_text("app_url") }} from '/(story|epic)/[0-9]+'),
                case when {{ json_id("story_id") }} is not null then 'story' end,
                {{ sole_owner("entity_type") }}
            )
        end as owner_type,
        case
            when entity in ('story', 'epic') then {{ json_id("id") }}
            else coalesce(
                substring({{ json_text("app_url") }} from '/(?:story|epic)/([0-9]{1,18})'),
                {{ json_id("story_id") }},
                {{ sole_owner("id") }}
            )
        end as owner_id,
        coalesce(
            {{ json_id("(" ~ json_object("changed -> 'workflow_state_id'") ~ " -> 'new')") }},
            {{ json_id("(" ~ json_object("changed -> 'epic_state_id'") ~ " -> 'new')") }},
            {{ json_id("workflow_state_id") }},
            {{ json_id("epic_state_id") }}
        ) as state_id,
        coalesce(
            {{ json_text("(" ~ json_object("changed -> 'state'") ~ " -> 'new')") }}, {{ json_text("state") }}
        ) as state_text,
        coalesce({{ json_object("changed -> 'completed'") }} -> 'new', completed) #>> '{}' as completed_text,
        coalesce({{ json_object("changed -> 'started'") }} -> 'new', started) #>> '{}' as started_text
    from actions
),

states as (
    select
        owned.*,
        workflow.state_name,
        workflow.state_type
    from owned
    left join lateral (
        select
            {{ json_line("reference.name") }} as state_name,
            {{ json_text("reference.type") }} as state_type
        from json_array_elements(owned.refs) with ordinality as element (value, place)
        cross join lateral {{ fields_of("element.value", "reference", ["id", "entity_type", "name", "type"]) }}
        where
            {{ json_id("reference.id") }} = owned.state_id
            and {{ json_text("reference.entity_type") }} in ('workflow-state', 'epic-state')
        order by element.place
        limit 1
    ) as workflow on true
)

select
    states.event_id || ':' || states.position as event_key,
    states.event_id,
    'shortcut:' || case states.owner_type when 'epic' then 'epic-' else '' end || states.owner_id as issue_key,
    states.source,
    states.delivery_id,
    states.told_at as at,
    states.told_at,
    case
        when states.is_comment then 1
        when states.kind = 'create' then 0
        when states.kind = 'delete' then 3
        else 1
    end as reading_rank,
    states.received_at,
    case when states.owner_type = 'epic' then 'epic' else 'issue' end as issue_type,
    case states.owner_type when 'epic' then 'epic-' else 'sc-' end || states.owner_id as key,
    {{ issue_names(
        "array[case states.owner_type when 'epic' then 'epic-' else 'sc-' end || states.owner_id]",
        "regexp_replace(" ~ json_url("states.app_url") ~ ", '#.*$', '')"
    ) }} as names,
    regexp_replace({{ json_url("states.app_url") }}, '#.*$', '') as url,
    case when not states.is_comment then {{ json_line("states.name") }} end as title,
    case
        when states.is_comment then null
        when json_typeof(states.changed -> 'description') = 'object'
            then coalesce({{ prose("(states.changed -> 'description' -> 'new')") }}, '')
        else {{ prose("states.description") }}
    end as body,
    case when not states.is_comment then coalesce(states.state_name, left(states.state_text, 200)) end as status,
    case
        when states.is_comment then null
        when states.state_type = 'done' then 'done'
        when states.state_type = 'started' then 'started'
        when states.state_type in ('unstarted', 'backlog') then 'todo'
        when states.completed_text = 'true' or states.state_text = 'done' then 'done'
        when states.started_text = 'true' or states.state_text = 'in progress' then 'started'
        when states.started_text = 'false' or states.completed_text = 'false' or states.state_text = 'to do' then 'todo'
    end as status_category,
    false as is_reopening,
    coalesce(not states.is_comment and states.kind = 'delete', false) as is_deletion,
    case
        when not states.is_comment and states.kind = 'create'
            then coalesce({{ json_time("states.created_at") }}, states.told_at)
    end as created_at,
    coalesce(
        {{ json_time(json_object("states.changed -> 'completed_at'") ~ " -> 'new'") }},
        {{ json_time("states.completed_at") }}
    ) as done_at,
    case
        when not states.is_comment
            then coalesce(
                {{ json_id("(" ~ json_object("states.changed -> 'project_id'") ~ " -> 'new')") }},
                {{ json_id("states.project_id") }},
                {{ json_id("(" ~ json_object("states.changed -> 'group_id'") ~ " -> 'new')") }},
                {{ json_id("states.group_id") }}
            )
    end as project,
    case
        when states.is_comment then null
        when json_typeof(states.labels) = 'array' then {{ label_names("states.labels") }}
        when json_typeof(states.label_ids) = 'array' then {{ referred_labels("states.label_ids") }}
        when states.kind = 'create' then '{}'
    end as labels,
    {{ referred_labels(json_object("states.changed -> 'label_ids'") ~ " -> 'adds'") }} as labels_added,
    {{ referred_labels(json_object("states.changed -> 'label_ids'") ~ " -> 'removes'") }} as labels_removed,
    case when states.is_comment then {{ json_id("states.id") }} end as comment_id,
    case
        when states.is_comment
            then coalesce(
                {{ prose("(" ~ json_object("states.changed -> 'text'") ~ " -> 'new')") }}, {{ prose("states.text") }}
            )
    end as comment,
    states.told_at as comment_at,
    states.is_comment and coalesce(states.kind = 'delete', false) as is_comment_deletion,
    run.transformed_at
from states
cross join run
where states.owner_id is not null
