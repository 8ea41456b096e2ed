"""What the tests of other people's HTTP/3 clients share: a node with HTTP, and certificates."""

import pathlib
import select
import signal
import subprocess
import tempfile
import unittest

TIMEOUT = 60


def run(*command, code=0, **more):
    done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, **more)
    if code is not None and done.returncode != code:
        raise AssertionError(f"{command} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done


def install_from_npm(npm, folder, packages):
    """Installs packages, without running anything of theirs; skips the test where that is not possible."""
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    done = run(npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages, cwd=folder, code=None)
    if done.returncode != 0:
        raise unittest.SkipTest(f"SKIPPED: npm cannot install {packages}: {done.stderr[-500:]}")
    return folder / "node_modules"


def key_hash(certificate):
    """As docs/http.md does it."""
    return run("sh", "-c", f"openssl x509 -in '{certificate}' -pubkey -noout | openssl pkey -pubin -outform der | "
                           "openssl dgst -sha256 -binary | base64").stdout.strip()


def make_certificates(folder):
    """A CA and what it vouches for: some clients take no certificate that is its own CA."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    run("openssl", "req", "-x509", *key, "-subj", "/CN=Test CA", "-keyout", folder / "ca.key", "-out", folder / "ca.pem",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")
    run("openssl", "req", *key, "-subj", "/CN=localhost", "-keyout", folder / "leaf.key", "-out", folder / "leaf.csr")
    (folder / "leaf.ext").write_text(
        "basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth\n"
        "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1\n"
    )
    run("openssl", "x509", "-req", "-in", folder / "leaf.csr", "-CA", folder / "ca.pem", "-CAkey", folder / "ca.key",
        "-CAcreateserial", "-days", "2", "-extfile", folder / "leaf.ext", "-out", folder / "leaf.pem")


class Clients(unittest.TestCase):
    """A node that serves the Lab on the loopback, at `port`, with the certificates of `folder`."""

    SERVER = None  # the program
    ARGUMENTS = []  # more of its arguments

    @classmethod
    def setUpClass(cls):
        cls.scratch = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.scratch.cleanup)
        cls.folder = pathlib.Path(cls.scratch.name)
        make_certificates(cls.folder)
        cls.server = subprocess.Popen(
            [Clients.SERVER, "--certificate", cls.folder / "leaf.pem", "--key", cls.folder / "leaf.key",
             "--lifetime", "600", *cls.ARGUMENTS],
            stdout=subprocess.PIPE, text=True,
        )
        cls.addClassCleanup(cls.stop_server)
        ready, _, _ = select.select([cls.server.stdout], [], [], TIMEOUT)
        words = cls.server.stdout.readline().split() if ready else []
        if words[:1] != ["listening"]:
            raise AssertionError("the server did not start")
        cls.port = words[1]

    @classmethod
    def stop_server(cls):
        cls.server.send_signal(signal.SIGTERM)
        cls.server.wait(TIMEOUT)
        cls.server.stdout.close()
