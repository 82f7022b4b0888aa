-- Whatever a tracker's staging is like, it tells of issues in the same columns.
{% for tracker in var("trackers") %}
    {% if not loop.first %} union all {% endif %}
    select
        event_key,
        event_id,
        issue_key,
        source,
        delivery_id,
        at,
        told_at,
        reading_rank,
        received_at,
        issue_type,
        key,
        names,
        url,
        title,
        body,
        status,
        status_category,
        is_reopening,
        is_deletion,
        created_at,
        done_at,
        project,
        labels,
        labels_added,
        labels_removed,
        comment_id,
        comment,
        comment_at,
        is_comment_deletion,
        transformed_at
    from {{ ref("stg_" ~ tracker ~ "__issue_events") }}
{% endfor %}
