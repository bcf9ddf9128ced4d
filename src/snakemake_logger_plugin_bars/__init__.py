"""A Snakemake logger: the bars of snakemake-logger-plugin-rich, with counts that are right."""

from snakemake_logger_plugin_rich import LogHandler as RichLogHandler

from snakemake_logger_plugin_bars.counted import CountedEvents


class LogHandler(RichLogHandler):
    """The handler that `logger: bars` in a profile names."""

    def __post_init__(self) -> None:
        """Let our events take the place of the rich plugin's."""
        super().__post_init__()
        self.event_handler = CountedEvents(
            console=self.console,
            progress=self.progress,
            live_display=self.live_display,
            dryrun=self.common_settings.dryrun,
            printshellcmds=self.common_settings.printshellcmds,
            show_failed_logs=self.common_settings.show_failed_logs,
            verbose=self.common_settings.verbose,
        )
