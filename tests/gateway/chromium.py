"""Chromium without a window, driven over its DevTools pipe (chromedevtools.github.io/devtools-protocol)."""

import fcntl
import json
import os
import select
import shutil
import subprocess
import sys
import tempfile
import time
import unittest

TIMEOUT = 60
MOVE_PIPES = """
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.dup2(int(sys.argv[2]), 4)
os.execvp(sys.argv[3], sys.argv[3:])
"""


def find_chromium():
    """The program; skips the test where there is none."""
    program = next(filter(None, map(shutil.which, ("chromium-headless-shell", "chromium"))), None)
    if program is None:
        raise unittest.SkipTest("SKIPPED: without Chromium (chromium-headless-shell) no browser is tried")
    return program


class Chromium:
    """`arguments`: switches beside those that it needs here."""

    def __init__(self, program, arguments):
        self.profile = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        to_browser, self.commands = os.pipe()
        self.answers, from_browser = os.pipe()
        # It reads from descriptor 3 and writes to 4, which are put there from out of each other's way.
        source, sink = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (to_browser, from_browser))
        self.process = subprocess.Popen(
            [sys.executable, "-c", MOVE_PIPES, str(source), str(sink), program, "--headless",
             "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--remote-debugging-pipe", f"--user-data-dir={self.profile.name}", *arguments, "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=(source, sink),
        )
        for descriptor in (to_browser, from_browser, source, sink):
            os.close(descriptor)
        self.last_id = 0
        self.unread = b""

    def close(self):
        try:
            self.command("Browser.close")
            self.process.wait(TIMEOUT)
        except (OSError, EOFError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()
        os.close(self.commands)
        os.close(self.answers)
        self.profile.cleanup()

    def command(self, method, session=None, **parameters):
        """What the browser answers."""
        self.last_id += 1
        message = {"id": self.last_id, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self.commands, json.dumps(message).encode() + b"\0")
        while True:
            answer = self.read()
            if answer.get("id") != self.last_id:
                continue  # something that happened
            if "error" in answer:
                raise AssertionError(f"{method}: {answer['error']}")
            return answer["result"]

    def read(self):
        deadline = time.monotonic() + TIMEOUT
        while b"\0" not in self.unread:
            ready, _, _ = select.select([self.answers], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                raise TimeoutError("Chromium does not answer")
            piece = os.read(self.answers, 65536)
            if not piece:
                raise EOFError("Chromium has ended")
            self.unread += piece
        message, self.unread = self.unread.split(b"\0", 1)
        return json.loads(message)

    def open_page(self, url):
        """A page of its own; what evaluate() needs to know it by. Fails when it cannot be loaded."""
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        loaded = self.command("Page.navigate", session, url=url)
        if loaded.get("errorText"):
            raise AssertionError(f"{url}: {loaded['errorText']}")
        deadline = time.monotonic() + TIMEOUT
        while self.evaluate(session, "`${location.href} ${document.readyState}`") != f"{url} complete":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{url} is not loaded")
            time.sleep(0.02)
        return session

    def evaluate(self, session, script):
        """The value of an expression in the page, or of the promise that it is."""
        done = self.command("Runtime.evaluate", session, expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in done:
            thrown = done["exceptionDetails"].get("exception", {})
            raise AssertionError(thrown.get("description", done["exceptionDetails"]["text"]))
        return done["result"].get("value")
