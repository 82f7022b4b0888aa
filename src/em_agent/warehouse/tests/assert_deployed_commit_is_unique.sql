-- A commit counts once for each environment of a service.
select
    service_key,
    environment_key,
    repository,
    sha
from {{ ref("fct_deployed_commits") }}
group by service_key, environment_key, repository, sha
having count(*) > 1
