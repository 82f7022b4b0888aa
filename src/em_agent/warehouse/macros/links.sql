{#- How much of one text is searched for names: what is longer is no note that a person wrote. -#}
{% macro searched(text) -%}
    left({{ text }}, 100000)
{%- endmacro %}

{#- The addresses in a text. They end before what commonly stands around them. -#}
{% macro addresses(text) -%}
    select rtrim(found.match[1], '.,;:!?*_~') as url
    from regexp_matches({{ searched(text) }}, '(https?://[^[:space:]<>"''|)\]{}`\\]+)', 'gi') as found (match)
    where length(found.match[1]) <= 2000
{%- endmacro %}

{#- The issues that a text names, as (source, name, how); the source is null where any tracker may be meant. -#}
{% macro told_issues(text) -%}
    with addresses as materialized (
        {{ addresses(text) }}
    ),

    known as (
        select
            addresses.url,
            upper(
                substring(addresses.url from '(?:/browse/|/issues/|[?&]selectedIssue=)([A-Za-z][A-Za-z0-9_]+-[0-9]+)')
            ) as jira,
            upper(substring(addresses.url from '(?:linear[.]app)/[^/]+/issue/([A-Za-z][A-Za-z0-9_]*-[0-9]+)')) as linear,
            substring(addresses.url from 'linear[.]app/[^/]+/project/(?:[^/?#]*-)?([0-9a-f]{6,})') as linear_project,
            regexp_match(
                addresses.url, '^https?://app[.](?:shortcut[.]com|clubhouse[.]io)/[^/]+/(story|epic)/([0-9]+)', 'i'
            ) as shortcut,
            regexp_match(
                addresses.url, '^https?://[^/]+/(?:(?:api/v3/)?repos/)?([^/]+/[^/]+)/issues/([0-9]+)(?![^/?#])', 'i'
            ) as github
        from addresses
    ),

    remainders as (
        select
            regexp_replace({{ searched(text) }}, 'https?://[^[:space:]<>"''|)\]{}`\\]+', ' ', 'gi') as rest
        union all
        select known.url as rest
        from known
        where
            coalesce(known.jira, known.linear, known.linear_project) is null
            and known.shortcut is null
            and known.github is null
    )

    select
        'jira' as source,
        known.jira as name,
        'url' as how
    from known
    where known.jira is not null
    union all
    select
        'linear' as source,
        coalesce(known.linear, upper(known.linear_project)) as name,
        'url' as how
    from known
    where coalesce(known.linear, known.linear_project) is not null
    union all
    select
        'shortcut' as source,
        case lower(known.shortcut[1]) when 'epic' then 'epic-' else 'sc-' end || known.shortcut[2] as name,
        'url' as how
    from known
    where known.shortcut is not null
    union all
    select
        'github' as source,
        lower(known.github[1]) || '#' || known.github[2] as name,
        'url' as how
    from known
    where known.github is not null
    union all
    select
        null as source,
        {{ comparable_url("known.url") }} as name,
        'url' as how
    from known
    union all
    select
        null as source,
        found.match[1] as name,
        'key' as how
    from remainders
    cross join lateral regexp_matches(
        remainders.rest, '(?<![A-Za-z0-9_-])([A-Z][A-Z0-9_]{1,50}-[1-9][0-9]{0,17})(?![A-Za-z0-9_])', 'g'
    ) as found (match)
    union all
    select
        'shortcut' as source,
        'sc-' || found.match[1] as name,
        'key' as how
    from remainders
    cross join lateral regexp_matches(
        remainders.rest, '(?<![A-Za-z0-9_-])(?:sc|ch)-([1-9][0-9]{0,17})(?![A-Za-z0-9_])', 'gi'
    ) as found (match)
    union all
    select
        'github' as source,
        lower(found.match[1]) || '#' || found.match[2] as name,
        'key' as how
    from remainders
    cross join lateral regexp_matches(
        remainders.rest,
        '(?<![A-Za-z0-9_./-])([A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9._-]{1,100})#([1-9][0-9]{0,17})(?![A-Za-z0-9_])',
        'g'
    ) as found (match)
{%- endmacro %}

{#- The incidents that a text names, as (kind, name): by the id in an address or as a word, or by a number after a word
    that says of what. -#}
{% macro told_incidents(text) -%}
    select
        'incident_id' as kind,
        found.match[1] as name
    from regexp_matches({{ searched(text) }}, '/incidents/([A-Za-z0-9]{1,40})(?![A-Za-z0-9_])', 'g') as found (match)
    union all
    select
        'incident_id' as kind,
        found.match[1] as name
    from regexp_matches(
        {{ searched(text) }}, '(?<![A-Za-z0-9_])([PQ][A-Z0-9]{6,39})(?![A-Za-z0-9_])', 'g'
    ) as found (match)
    union all
    select
        'incident_number' as kind,
        number.match[1] as name
    from regexp_matches(
        {{ searched(text) }},
        '(?<![A-Za-z0-9_])(?:pagerduty|incidents?)[[:space:]]{0,3}((?:#[1-9][0-9]{0,17}(?:,|[[:space:]]|and|&){0,6})+)',
        'gi'
    ) as list (match)
    cross join lateral regexp_matches(list.match[1], '#([0-9]+)', 'g') as number (match)
{%- endmacro %}
