"""tests/bench/run: arguments, order of the figures, the table."""
import argparse
import json
import os
import signal
import sys

import checks
import evaluations
import index
import lane_engines
import lane_pictures
import lanes
import large
import lists
import pictures
import streams
from report import say
from stage import Stage
from process import Failure

# In this order: those that share an installation's state stand together.
FIGURES = {
    "check_single": (checks.check_single, "checks of one read and three tokens a second, beside a bare libmicrohttpd and Redis"),
    "index_lookup": (index.index_lookup, "one look-up in the index in memory, beside a binary search in a sorted array"),
    "list_push": (lists.list_push, "a list at grade `plate` pushed under hmac-sha256, tokenised and live, beside a COPY of the same rows"),
    "list_large": (large.list_large, "the same with ten million entries, and a change of a thousand; only when it is named, and with --big"),
    "index_load": (index.index_load, "the gate's start with all slots in PostgreSQL, beside a COPY of them to /dev/null"),
    "index_bytes_per_slot": (index.index_bytes_per_slot, "memory of the gate for each slot, beside a set in Redis"),
    "evaluate_batch": (evaluations.evaluate_batch, "evaluations of the second suite in process, beside libsodium's multiplication alone"),
    "evaluate_verified": (evaluations.evaluate_verified, "evaluations with proof over HTTP, batches of 64, beside the same in process"),
    "lane_read": (lanes.lane_read, "a read at one of 16 lanes, 20 a second each: evaluated, verified, checked; beside its cryptography alone"),
    "lane_engine": (lane_engines.lane_engine, "from an engine's message to the officer's alert at 16 lane services, 20 messages a second each, and their memory; beside a bare libmicrohttpd"),
    "lane_images": (lane_pictures.lane_images, "memory of a lane service with pictures in flight, and under messages that are too many and too large"),
    "list_tokenise": (lists.list_tokenise, "a list at grade `similar` tokenised by a key server for two epochs, beside three multiplications a token"),
    "hit_stream": (streams.hit_stream, "a hit from the lane's answer to its agency's stream, 10,000 a minute and 20 agencies, beside a poller of PostgreSQL"),
    "evidence_upload": (pictures.evidence_upload, "a hundred sealed pictures of 200 kB stored by the gate, and its memory, beside an INSERT of the same bytes"),
    "entry_to_live": (lists.entry_to_live, "from adding an entry to the first hit, beside an insert with fsync"),
}

ON_REQUEST = {"list_large"}  # takes long


def parser():
    names = "\n".join(f"  {name:<22}{text}" for name, (_, text) in FIGURES.items())
    top = argparse.ArgumentParser(prog="tests/bench/run", formatter_class=argparse.RawDescriptionHelpFormatter,
                                  description="How fast is it, and beside what?", epilog=f"figures (default: all but list_large):\n{names}\n\n"
                                  "Exit codes: 0 measured (whether or not a figure reaches its goal), 1 failed, 2 usage.")
    top.add_argument("figures", nargs="*", metavar="FIGURE", help="measure these only")
    top.add_argument("--json", action="store_true", help="one object a line: figure, value, unit, yardstick, yardstick_value, ratio")
    top.add_argument("--quick", action="store_true", help="smaller sizes, two short runs each, a minute or two: shows that it works, not how fast it is")
    top.add_argument("--big", action="store_true", help="list_large with ten million entries instead of one: half an hour, some 20 GB of disk")
    top.add_argument("--pairs", type=int, metavar="N", help="alternating runs of each (default 15; with --quick 2)")
    top.add_argument("--profile", action="store_true", help="with check_single: say where the gate's processor time goes (needs perf)")
    top.add_argument("--keep", action="store_true", help="leave the installations (stopped) and say where they are")
    return top


def chosen(options, top):
    unknown = [name for name in options.figures if name not in FIGURES]
    if unknown:
        top.error(f"no figure is called so; there are: {', '.join(FIGURES)}")
    return [name for name in FIGURES if (name in options.figures if options.figures else name not in ON_REQUEST)]


def table(figures):
    rows = [("figure", "value", "unit", "yardstick", "its value", "ratio", "goal")]
    rows += [(figure.name, figure.shown(figure.value), figure.unit, figure.yardstick, figure.shown(figure.yardstick_value),
              f"{figure.ratio:.2f}", figure.verdict()) for figure in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        print("  ".join(text.rjust(width) if column in (1, 4, 5) else text.ljust(width)
                        for column, (text, width) in enumerate(zip(row, widths))).rstrip())


def measure(names, stage, options):
    figures = []
    for name in names:
        say(f"{name} …")
        for figure in FIGURES[name][0](stage):
            figures.append(figure)
            if options.json:
                print(json.dumps(figure.as_json()), flush=True)
    if not options.json:
        table(figures)
    missed = [figure.name for figure in figures if figure.missed()]
    if missed and not stage.quick:
        say(f"MISSED: {', '.join(missed)}")
    return 0


def main():
    os.umask(0o077)
    top = parser()
    options = top.parse_args()
    names = chosen(options, top)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit(130))
    if options.quick:
        say("QUICK: smaller sizes and short runs; the figures show that it works and compare badly")
    try:
        with Stage(quick=options.quick, pairs=options.pairs, keep=options.keep, profile=options.profile, big=options.big) as stage:
            return measure(names, stage, options)
    except (Failure, AssertionError) as failure:
        say(f"failed: {failure}")
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
