"""Free ports on loopback, below the range that the kernel gives to clients."""
import random
import socket

LOWEST = 15000


def ephemeral_low():
    try:
        with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
            return int(file.read().split()[0])
    except (OSError, ValueError, IndexError):
        return 32768


def free(port):
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def pick(taken):
    """A port that nobody listens on now and that is not in TAKEN.  Somebody else may take it before the daemon does: the daemon then
    leaves with code 4 and the caller picks another."""
    source = random.SystemRandom()
    high = max(ephemeral_low() - 1, LOWEST + 1000)
    for _ in range(1000):
        port = source.randrange(LOWEST, high)
        if port not in taken and free(port):
            return port
    raise OSError("no free port")
