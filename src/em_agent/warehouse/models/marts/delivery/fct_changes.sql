{{ config(materialized="replaced_view") }}

with pull_requests as (
    select distinct on (repository, number)
        repository,
        number,
        title,
        author,
        url,
        state,
        merge_sha,
        created_at,
        merged_at,
        closed_at,
        transformed_at
    from {{ ref("stg_github__pull_requests") }}
    order by repository asc, number asc, at desc, received_at desc, delivery_id collate "C" desc
)

select
    'commit:' || repository || '@' || sha as change_key,
    'commit' as kind,
    repository,
    sha,
    null::bigint as number,
    title,
    author,
    url,
    'merged' as state,
    committed_at as created_at,
    null::timestamptz as merged_at,
    null::timestamptz as closed_at,
    transformed_at
from {{ ref("int_commits__placed") }}
union all
select
    'pull_request:' || repository || '#' || number as change_key,
    'pull_request' as kind,
    repository,
    case when merged_at is not null then merge_sha end as sha,
    number,
    title,
    author,
    url,
    case when merged_at is not null then 'merged' else state end as state,
    created_at,
    merged_at,
    closed_at,
    transformed_at
from pull_requests
