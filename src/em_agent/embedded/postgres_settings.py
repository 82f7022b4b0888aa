"""The embedded PostgreSQL's configuration files.

They are written at each start; a change that should last goes into the database with `ALTER SYSTEM`. Nothing here may
trade durability for speed: what we answered 2xx is on disk.
"""

from pathlib import Path

from em_agent.embedded.accounts import Account
from em_agent.embedded.files import write_private

_SERVER = """\
# Written at each start; use ALTER SYSTEM for changes that should last.
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 80
password_encryption = scram-sha-256

shared_buffers = {shared_megabytes}MB
wal_buffers = 2MB
work_mem = 8MB
maintenance_work_mem = 64MB
jit = off
io_method = sync
max_logical_replication_workers = 0

# Few and even checkpoints: each one makes every page's next change a whole page of WAL.
max_wal_size = 4GB
min_wal_size = 128MB
checkpoint_timeout = 15min
wal_compression = pglz

# Queues are small and busy tables: dead rows must go soon. A writer that hangs must not hold them back.
autovacuum_naptime = 15s
autovacuum_max_workers = 2
autovacuum_work_mem = 16MB
idle_in_transaction_session_timeout = 5min
client_connection_check_interval = 5s

timezone = 'UTC'
log_timezone = 'UTC'
datestyle = 'iso, ymd'
default_text_search_config = 'pg_catalog.english'

# Files of 10 MB or a day; all but the newest few are removed from outside.
logging_collector = on
log_directory = 'log'
log_filename = 'postgres-%Y%m%d-%H%M%S.log'
log_rotation_size = 10MB
log_rotation_age = 1d
log_line_prefix = '%m [%p] %q%a '
log_min_error_statement = panic
"""

_CLIENTS = """\
# Written at each start. Every client is on this machine and has a password.
host all all 127.0.0.1/32 scram-sha-256
"""

_KEPT_LOGS = 9

# All of the shared buffers is resident once the tables have grown, and the system's own cache does nearly as well for
# little data. A search among 100,000 documents takes four fifths of the time with 128 MB.
_FEWEST_MEGABYTES, _MOST_MEGABYTES = 16, 128
_BUFFERED_SHARE = 1 / 8


def write(cluster: Path, account: Account | None) -> None:
    """Put the configuration into the cluster, with buffers that suit the data it has."""
    server = _SERVER.format(shared_megabytes=_shared_megabytes(cluster))
    write_private(cluster / "postgresql.conf", server, account)
    write_private(cluster / "pg_hba.conf", _CLIENTS, account)


def prune_logs(cluster: Path) -> None:
    """Remove all but the newest logs."""
    for log in sorted((cluster / "log").glob("postgres-*.log"))[:-_KEPT_LOGS]:
        log.unlink(missing_ok=True)


def _shared_megabytes(cluster: Path) -> int:
    data_bytes = sum(path.stat().st_size for path in (cluster / "base").rglob("*") if path.is_file())
    return min(max(round(data_bytes * _BUFFERED_SHARE / 2**20), _FEWEST_MEGABYTES), _MOST_MEGABYTES)
