"""What Relais can do on this machine: `make bench`. Nothing is asserted; each figure has the reference of its own run.

`--only events` measures one part; `--events 500` makes it small.
"""

import argparse
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Final

from deployments.serving import keep_what_is_loaded
from tests.benchmarks import click_to_mail, clocks, events, intake, mails
from tests.benchmarks.click_to_mail import prefect_server
from tests.benchmarks.ground import KINDS, say

PARTS: Final = ("events", "mails", "tick", "import", "memory", "prefect", "click")


def main() -> None:
    """Measure what the command line names, or all, on both databases."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--only", choices=PARTS, action="append")
    options.add_argument("--kind", choices=KINDS, action="append")
    options.add_argument("--events", type=int, default=20_000)
    options.add_argument("--mails", type=int, default=2000)
    options.add_argument("--clocks", type=int, default=150_000)
    options.add_argument("--alerts", type=int, default=2000)
    options.add_argument("--clicks", type=int, default=60)
    given = options.parse_args()
    parts, kinds = given.only or PARTS, given.kind or KINDS
    keep_what_is_loaded()  # as a relay does
    say("Ratios hold on any machine; figures only on an idle one.")
    with tempfile.TemporaryDirectory(prefix="relais-bench-") as name, ExitStack() as stack:
        for kind in kinds:
            if "events" in parts:
                events.measure(kind, Path(name), events=given.events)
            if "mails" in parts:
                mails.measure(kind, Path(name), mails=given.mails)
            if "tick" in parts:
                clocks.measure(kind, Path(name), clocks=given.clocks, due=500)
            if "import" in parts:
                intake.measure(kind, Path(name), alerts=given.alerts)
            if "memory" in parts:
                events.measure_memory(kind, Path(name), events=given.events)
        if {"prefect", "click"} & set(parts):
            url = stack.enter_context(prefect_server(Path(name)))
        if "prefect" in parts:
            for kind in kinds:
                events.measure_under_prefect(kind, Path(name), events=given.events // 10, prefect_url=url)
        if "click" in parts:
            click_to_mail.tell(url, Path(name), events=given.clicks)


if __name__ == "__main__":
    main()
