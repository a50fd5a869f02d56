"""How many files, connections among them, this process may have open."""

from __future__ import annotations

import logging
import resource

OWN_FILES = 100  # that are open besides connections

log = logging.getLogger(__name__)


def room_for(connections: int) -> int:
    """How many connections may be open, at most `connections`; raises the soft limit for them.

    Each has room for two, since those that have had their last answer stay for a moment.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * connections + OWN_FILES
    if soft < wanted:
        soft = min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    if soft < wanted:
        connections = max(1, (soft - OWN_FILES) // 2)
        log.warning("too few files may be open for more than %d connections", connections)
    return connections
