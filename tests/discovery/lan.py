"""A local network for tests: two machines, each a network namespace with a D-Bus bus and an avahi-daemon of its
own, joined by one cable. Everything is inside namespaces and a temporary folder of this run, so that several runs
do not meet, and nothing is left when it ends."""

import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

NEEDED = ["unshare", "nsenter", "ip", "mount", "dbus-daemon", "avahi-daemon", "avahi-browse", "avahi-publish"]
IS_INSIDE = "ECHOSTREAM_TEST_LAN"

DBUS = """<busconfig><type>system</type><listen>unix:path={bus}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*"/><allow receive_type="method_call"/><allow receive_type="method_return"/>
<allow receive_type="error"/><allow receive_type="signal"/></policy></busconfig>
"""
AVAHI = """[server]
host-name=es-{name}
use-ipv4={ipv4}
use-ipv6={ipv6}
allow-interfaces=eth0
enable-dbus=yes
ratelimit-burst=1000
[publish]
publish-hinfo=no
publish-workstation=no
"""


def enter():
    """Runs the calling program again in namespaces of its own; returns inside. Says why not, and exits with 77,
    where that is not permitted."""
    if IS_INSIDE in os.environ:
        return
    missing = [program for program in NEEDED if not path_of(program)]
    if missing:
        skip("these are missing: " + " ".join(missing) + " (apt install avahi-daemon avahi-utils dbus iproute2)")
    command = ["unshare", "--net", "--mount", "--propagation", "private"]
    # Who is not root becomes it there.
    if os.geteuid() != 0:
        command += ["--user", "--map-root-user"]
    tried = subprocess.run(command + ["ip", "link", "add", "name", "veth0", "type", "veth", "peer", "name", "veth1"],
                           capture_output=True, text=True)
    if tried.returncode != 0:
        skip("network namespaces are not permitted here: " + tried.stderr.strip())
    os.environ[IS_INSIDE] = "1"
    os.execvp("unshare", command + [sys.executable] + sys.argv)


def skip(reason):
    print("SKIPPED: " + reason)
    sys.exit(77)


def path_of(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def die_with_parent():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)  # PR_SET_PDEATHSIG


class Lines:
    """A child process whose output is read by lines, with a limit in time."""

    def __init__(self, command, environment=None, log=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                                        env=environment, preexec_fn=die_with_parent)
        self.rest = b""
        self.seen = []

    def say(self, *words):
        self.process.stdin.write(("\t".join(words) + "\n").encode())
        self.process.stdin.flush()

    def line(self, timeout):
        """The next line; None when the time is up or it has ended."""
        end = time.monotonic() + timeout
        while b"\n" not in self.rest:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            got = os.read(self.process.stdout.fileno(), 65536)
            if not got:
                return None
            self.rest += got
        line, self.rest = self.rest.split(b"\n", 1)
        self.seen.append(line.decode())
        return self.seen[-1]

    def wait_for(self, pattern, timeout=30):
        """The first line from now on that `pattern` is found in, and how long it took. Fails otherwise."""
        began = time.monotonic()
        while True:
            line = self.line(max(began + timeout - time.monotonic(), 0))
            if line is None:
                raise AssertionError(f"no '{pattern}' within {timeout} s, but:\n  " + "\n  ".join(self.seen[-30:]))
            if re.search(pattern, line):
                return line, time.monotonic() - began

    def signal(self, number):
        self.process.send_signal(number)

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Machine:
    def __init__(self, name, address, folder, ipv4=True, ipv6=False):
        self.name = name
        self.folder = folder
        self.bus = os.path.join(folder, "bus-" + name)
        self.children = []
        self.dbus = None
        self.avahi = None
        # Holds the namespaces. /run is its own: two daemons coexist by that. The daemon's user is root there, who is
        # the only one that there is when an ordinary user runs this.
        for file, line in (("passwd", "{}:x:0:0::/:/bin/sh\n"), ("group", "{}:x:0:\n")):
            with open(self.path(file), "w") as users:
                users.write(line.format("root") + line.format("avahi"))
        script = f"""set -e
            mount -t tmpfs tmpfs /run
            mkdir -p /run/dbus /run/avahi-daemon
            mount --bind {self.path("passwd")} /etc/passwd
            mount --bind {self.path("group")} /etc/group
            echo ready
            exec sleep 1000"""
        self.holder = Lines(["unshare", "--net", "--mount", "--propagation", "private", "sh", "-c", script])
        self.holder.wait_for("ready")
        self.address = address
        with open(self.path("dbus"), "w") as file:
            file.write(DBUS.format(bus=self.bus))
        with open(self.path("avahi"), "w") as file:
            file.write(AVAHI.format(name=name, ipv4="yes" if ipv4 else "no", ipv6="yes" if ipv6 else "no"))

    def path(self, what):
        return os.path.join(self.folder, f"{what}-{self.name}")

    def command(self, command):
        words = list(command)
        words[0] = path_of(words[0]) or words[0]
        return ["nsenter", "--target", str(self.holder.process.pid), "--net", "--mount", "--"] + words

    def run(self, *command):
        """To its end; its output."""
        done = subprocess.run(self.command(command), env=self.environment(), capture_output=True, text=True,
                              errors="replace", timeout=60)
        if done.returncode != 0:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def environment(self):
        return dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS="unix:path=" + self.bus, LC_ALL="C.UTF-8")

    def start(self, *command, log=None):
        child = Lines(self.command(command), self.environment(), log)
        self.children.append(child)
        return child

    def start_daemon(self, *command):
        # What it writes is long, and of no use as long as all is well.
        with open(self.path("log"), "a") as log:
            return self.start(*command, log=log)

    def start_dbus(self):
        self.dbus = self.start_daemon("dbus-daemon", "--config-file=" + self.path("dbus"), "--nofork", "--nopidfile")
        end = time.monotonic() + 10
        while not os.path.exists(self.bus):
            if time.monotonic() > end:
                raise AssertionError("dbus-daemon does not start")
            time.sleep(0.01)

    def start_avahi(self):
        self.run("rm", "-f", "/run/avahi-daemon/pid")  # of one that was killed
        self.avahi = self.start_daemon("avahi-daemon", "-f", self.path("avahi"), "--no-chroot", "--no-drop-root",
                                       "--no-rlimits")

    def kill_avahi(self):
        self.avahi.end()

    def interface_index(self):
        return self.run("ip", "-o", "link", "show", "eth0").split(":")[0]

    def set_link(self, state):
        self.run("ip", "link", "set", "eth0", state)

    def end(self):
        for child in reversed(self.children):
            child.end()
        self.holder.end()


class Lan(unittest.TestCase):
    """Two machines, self.a and self.b, which nothing runs on."""

    ipv4 = True
    ipv6 = False

    def setUp(self):
        self.folder = tempfile.mkdtemp(prefix="echostream-lan-")
        self.addCleanup(shutil.rmtree, self.folder)
        self.a = self.machine("a", "10.77.0.1")
        self.b = self.machine("b", "10.77.0.2")
        pid_a, pid_b = (str(machine.holder.process.pid) for machine in (self.a, self.b))
        subprocess.run([path_of("ip"), "link", "add", "name", "eth0", "netns", pid_a, "type", "veth", "peer", "name", "eth0",
                        "netns", pid_b], check=True)
        for machine in (self.a, self.b):
            if self.ipv4:
                machine.run("ip", "addr", "add", machine.address + "/24", "dev", "eth0")
            machine.run("ip", "link", "set", "lo", "up")
            machine.set_link("up")
            if self.ipv4:
                machine.run("ip", "route", "add", "default", "dev", "eth0")

    def machine(self, name, address):
        machine = Machine(name, address, self.folder, self.ipv4, self.ipv6)
        self.addCleanup(machine.end)
        return machine

    def start_daemons(self, *machines):
        for machine in machines or (self.a, self.b):
            machine.start_dbus()
            machine.start_avahi()
