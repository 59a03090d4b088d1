"""deploy/local: the commands."""
import argparse
import json
import os
import shutil
import sys

from installation import IDENTITIES, SUITES, Installation
from process import Failure

EXIT_STOPPED = 3
LABELS = {"gate": "gate", "keys": "key server", "db": "database", **{f"keys-{number}": f"key server {number}" for number in (1, 2, 3)}}


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
        command(name, f"{name} one part or all").add_argument("part", nargs="?", choices=tuple(LABELS))
    command("kill", "end a daemon as an outage would").add_argument("part", choices=tuple(name for name in LABELS if name != "db"))
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
    new.add_argument("--key-servers", type=int, choices=(1, 3), help="1 (as it is made unless this says otherwise), or 3 that share their keys")
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
    running = [name for name in installation.names if installation.exists() and installation.part(name).pid()]
    if running and (settings or fixed):
        raise Failure(f"{installation.folder} runs: stop it (deploy/local down) before changing its settings")
    if len(running) == len(installation.names):
        say(f"{installation.folder} runs already")
    else:
        if not installation.exists():
            say(f"making {installation.folder}: PostgreSQL, CA, {len(IDENTITIES)} identities")
        installation.prepare(fixed, settings, options.key_servers)
        if options.no_start:
            say("made; nothing started")
            return 0
        installation.start()
        for name in installation.daemons:
            ready, reasons = installation.readiness(name)
            if not ready:
                say(f"{LABELS[name]} is not ready: {', '.join(reasons)}")
    say(f"gate        {installation.gate_url}")
    for name in installation.key_names:
        say(f"{LABELS[name]:<11} {installation.url_of(name)}")
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
    for name in installation.daemons:
        pid = installation.part(name).pid()
        ready, reasons = installation.readiness(name)
        told[name] = {"running": bool(pid), "pid": pid, "ready": ready, "reasons": reasons, "url": installation.url_of(name),
                      "metrics": f"http://127.0.0.1:{installation.asked['ports'][name + '_metrics']}/metrics"}
    pid = installation.cluster.pid()
    told["db"] = {"running": bool(pid), "pid": pid, "socket": installation.cluster.socket}
    told["running"] = all(told[name]["running"] for name in installation.names)
    return told


def status(options):
    installation = existing(options)
    told = describe(installation)
    if options.json:
        print(json.dumps(told))
    else:
        for name in reversed(installation.names):
            part = told[name]
            if not part["running"]:
                print(f"{LABELS[name]:<12} stopped")
                continue
            how = "" if name == "db" else ", ready" if part["ready"] else f", not ready: {', '.join(part['reasons'])}"
            print(f"{LABELS[name]:<12} running as process {part['pid']}{how}, {part.get('url') or part['socket']}")
    return 0 if told["running"] else EXIT_STOPPED


def start(options):
    installation = existing(options)
    started = installation.start(parts_of(installation, options))
    say(f"started: {', '.join(LABELS[name] for name in started)}" if started else "runs already")
    return 0


def kill(options):
    installation = existing(options)
    for name in parts_of(installation, options):
        installation.kill(name)
        say(f"{LABELS[name]} killed")
    return 0


def parts_of(installation, options):
    """What the command is about, in the order in which it starts."""
    parts = installation.expand((options.part,)) if options.part else installation.names
    if not parts:
        raise Failure(f"{installation.folder} has no {options.part}: it has {', '.join(installation.names)}")
    return parts


def stop(options):
    installation = existing(options)
    ended = installation.stop(parts_of(installation, options))
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
