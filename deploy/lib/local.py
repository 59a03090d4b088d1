"""deploy/local: the commands."""
import argparse
import json
import os
import shutil
import sys

from installation import IDENTITIES, SUITES, Installation
from process import Failure

EXIT_STOPPED = 3
LABELS = {"gate": "gate", "keys": "key server", "db": "database"}


def parser():
    top = argparse.ArgumentParser(prog="deploy/local", description="A whole Platesieve in a folder: PostgreSQL, CA, identities, key server, gate.",
                                  epilog="Exit codes: 0 done or all running, 1 failed, 2 usage, 3 (status) not all running.")
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name, text):
        new = commands.add_parser(name, help=text)
        new.add_argument("folder", metavar="DIR", help="the folder")
        return new

    up_options(command("up", "make it if it is not there, start it"))
    command("down", "stop it; its data stays").add_argument("--purge", action="store_true", help="remove the folder as well")
    command("status", "what runs").add_argument("--json", action="store_true")
    for name in ("start", "stop", "restart"):
        command(name, f"{name} one part or all").add_argument("part", nargs="?", choices=("gate", "keys", "db"))
    return top


def up_options(new):
    new.add_argument("--gate-port", type=port, metavar="N", help="port of the gate (default: a free one, kept)")
    new.add_argument("--keys-port", type=port, metavar="N", help="port of the key server (default: a free one, kept)")
    new.add_argument("--set", action="append", default=[], type=setting, metavar="FILE.SECTION.KEY=VALUE",
                     help="a setting, such as keys.keyd.epoch_length_s=60 or gate.lists.cap_tokens=1000; db.KEY=VALUE for PostgreSQL")
    for option, key in (("--epoch-length", "epoch_length_s"), ("--epoch-overlap", "epoch_overlap_s"), ("--epochs-ahead", "epochs_ahead"),
                        ("--destroy-after", "destroy_after_s")):
        new.add_argument(option, type=int, metavar="N", help=f"the same as --set keys.keyd.{key}=N", dest=key)
    new.add_argument("--suite", choices=SUITES, help="the same as --set keys.keyd.suite=…")
    new.add_argument("--no-start", action="store_true", help="make it, start nothing")


def port(text):
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port is 1 to 65535")
    return number


def setting(text):
    name, equals, value = text.partition("=")
    parts = name.split(".")
    if not equals or not all(parts) or "\n" in text or not (parts[0] == "db" and len(parts) > 1 or parts[0] in ("gate", "keys") and len(parts) > 2):
        raise argparse.ArgumentTypeError("write gate.SECTION.KEY=VALUE, keys.SECTION.KEY=VALUE or db.KEY=VALUE")
    return name, value.strip()


def existing(options):
    installation = Installation(options.folder)
    if not installation.exists():
        raise Failure(f"{installation.folder} holds no installation")
    return installation


def up(options):
    installation = Installation(options.folder)
    settings = dict(options.set)
    for key in ("epoch_length_s", "epoch_overlap_s", "epochs_ahead", "destroy_after_s", "suite"):
        if getattr(options, key) is not None:
            settings[f"keys.keyd.{key}"] = str(getattr(options, key))
    fixed = {name: number for name, number in (("gate", options.gate_port), ("keys", options.keys_port)) if number}
    running = [name for name in ("gate", "keys", "db") if installation.exists() and installation.part(name).pid()]
    if running and (settings or fixed):
        raise Failure(f"{installation.folder} runs: stop it (deploy/local down) before changing its settings")
    if len(running) == 3:
        say(f"{installation.folder} runs already")
    else:
        if not installation.exists():
            say(f"making {installation.folder}: PostgreSQL, CA, {len(IDENTITIES)} identities")
        installation.prepare(fixed, settings)
        if options.no_start:
            say("made; nothing started")
            return 0
        installation.start()
        for name in ("keys", "gate"):
            ready, reasons = installation.readiness(name)
            if not ready:
                say(f"{LABELS[name]} is not ready: {', '.join(reasons)}")
    say(f"gate        {installation.gate_url}")
    say(f"key server  {installation.keys_url}")
    say(f"to use it   . {installation.folder}/env")
    return 0


def down(options):
    installation = existing(options)
    ended = installation.stop()
    for name, how in ended.items():
        say(f"{LABELS[name]} {how}")
    if not ended:
        say("nothing runs")
    installation.cluster.remove_socket()
    if options.purge:
        shutil.rmtree(installation.folder)
        say(f"{installation.folder} removed")
    return 0


def describe(installation):
    told = {"folder": str(installation.folder)}
    for name in ("gate", "keys"):
        pid = installation.part(name).pid()
        ready, reasons = installation.readiness(name)
        told[name] = {"running": bool(pid), "pid": pid, "ready": ready, "reasons": reasons, "url": getattr(installation, f"{name}_url"),
                      "metrics": f"http://127.0.0.1:{installation.asked['ports'][name + '_metrics']}/metrics"}
    pid = installation.cluster.pid()
    told["db"] = {"running": bool(pid), "pid": pid, "socket": installation.cluster.socket}
    told["running"] = all(told[name]["running"] for name in ("gate", "keys", "db"))
    return told


def status(options):
    told = describe(existing(options))
    if options.json:
        print(json.dumps(told))
    else:
        for name in ("gate", "keys", "db"):
            part = told[name]
            if not part["running"]:
                print(f"{LABELS[name]:<11} stopped")
                continue
            how = "" if name == "db" else ", ready" if part["ready"] else f", not ready: {', '.join(part['reasons'])}"
            print(f"{LABELS[name]:<11} running as process {part['pid']}{how}, {part.get('url') or part['socket']}")
    return 0 if told["running"] else EXIT_STOPPED


def start(options):
    started = existing(options).start((options.part,) if options.part else ("db", "keys", "gate"))
    say(f"started: {', '.join(LABELS[name] for name in started)}" if started else "runs already")
    return 0


def stop(options):
    ended = existing(options).stop((options.part,) if options.part else ("gate", "keys", "db"))
    say(", ".join(f"{LABELS[name]} {how}" for name, how in ended.items()) or "does not run")
    return 0


def restart(options):
    stop(options)
    return start(options)


def say(text):
    print(f"local: {text}", file=sys.stderr, flush=True)


def main():
    os.umask(0o077)
    options = parser().parse_args()
    try:
        return globals()[options.command](options)
    except Failure as failure:
        say(str(failure))
        return 1
    except OSError as error:
        say(f"{error.strerror or error}: {error.filename or ''}".rstrip(": "))
        return 1
    except KeyboardInterrupt:
        say("interrupted")
        return 130


if __name__ == "__main__":
    sys.exit(main())
