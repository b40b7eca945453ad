"""Runs Snakemake and writes its events as JSON lines to an open file descriptor.

``python -m pipeline.workflow.engine FD ARGUMENT...`` is ``snakemake ARGUMENT...``; everything that Snakemake and the
jobs print stays on standard output and standard error. Events are those of Snakemake's logger interface; a logger
plugin has to be registered in the process that runs it, which is why this is a process of its own.
"""

import json
import os
import sys
from logging import LogRecord
from types import ModuleType

from snakemake.cli import main as snakemake
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import logger_plugin_module_prefix
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

NAME = "events"
FIELDS = ("stats", "jobid", "job_id", "rule_name", "wildcards", "log", "done", "total")
"""What is kept of an event."""


class LogHandler(LogHandlerBase):
    """Writes events to the file descriptor that the process was given."""

    descriptor = -1

    def emit(self, record: LogRecord) -> None:
        """Write one event as one line."""
        event = getattr(record, "event", None)
        if event is None:
            return
        content = {name: getattr(record, name) for name in FIELDS if hasattr(record, name)}
        line = json.dumps({"event": str(event), **content}, default=_plain)
        os.write(self.descriptor, line.encode() + b"\n")

    writes_to_stream = False
    writes_to_file = False
    has_filter = True
    """Its own filter, which is none: the events are wanted whatever Snakemake prints."""
    has_formatter = True
    needs_rulegraph = False


def _plain(value: object) -> object:
    return {str(name): str(item) for name, item in value.items()} if hasattr(value, "items") else str(value)


def main() -> None:
    """Command line."""
    LogHandler.descriptor = int(sys.argv[1])
    plugin = ModuleType(logger_plugin_module_prefix + NAME)
    plugin.LogHandler = LogHandler  # type: ignore[attr-defined]
    LoggerPluginRegistry().register_plugin(plugin.__name__, plugin)
    snakemake([*sys.argv[2:], "--logger", NAME])


if __name__ == "__main__":
    main()
