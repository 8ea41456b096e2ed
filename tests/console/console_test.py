"""The console's page in Chromium, before the intercom demo: what a person does with it, by Playwright from npm.

  console_test.py <folder "examples" of the build> <folder for what npm installs and for the screenshot>

Exit code 77: skipped, for something that is missing.
"""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

EXAMPLES, SCRATCH = (pathlib.Path(one) for one in sys.argv[1:3])
HERE = pathlib.Path(__file__).resolve().parent
VOICES = pathlib.Path("/usr/share/sounds/alsa")
BROWSERS = ("chromium-headless-shell", "chromium", "google-chrome")
OLDEST_NODE = 20
SKIPPED = 77


def skip(why):
    print(f"SKIPPED: {why}; nobody has looked at the console's page", file=sys.stderr)
    sys.exit(SKIPPED)


def run(*command, **how):
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=120, check=False, **how)


def find_browser():
    folders = ["/usr/lib/chromium", *os.environ.get("PATH", "").split(os.pathsep)]
    for name in BROWSERS:
        found = shutil.which(name, path=os.pathsep.join(folders))
        if found:
            return found
    return skip("there is no Chromium; on Debian, install chromium-headless-shell")


def install_playwright():
    npm = shutil.which("npm")
    if npm is None:
        skip("there is no npm")
    version = run("node", "--version").stdout.strip().lstrip("v")
    if int(version.split(".", maxsplit=1)[0] or 0) < OLDEST_NODE:
        skip(f"node is too old ({version or 'none'})")
    folder = SCRATCH / "npm"
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", "browser_test.mjs"):
        shutil.copyfile(HERE / name, folder / name)
    done = run(npm, "ci", "--no-audit", "--no-fund", "--ignore-scripts", cwd=folder)
    if done.returncode != 0:
        skip(f"npm cannot install Playwright: {done.stderr[-500:]}")
    return folder


def make_identity(folder):
    """For Chromium, which is told to believe the key."""
    if shutil.which("openssl") is None:
        skip("there is no openssl, which makes the certificate")
    made = run(
        "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
        "-subj", "/CN=kitchen", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext",
        "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth", "-keyout", folder / "key.pem",
        "-out", folder / "certificate.pem")
    if made.returncode != 0:
        raise AssertionError(made.stderr)
    (folder / "kitchen.json").write_text(
        '{"node": {"identity": {"certificate_chain_file": "certificate.pem", "private_key_file": "key.pem"}}}\n',
        encoding="utf-8")


def main():
    if not VOICES.is_dir():
        skip(f"there is no {VOICES}; on Debian, install alsa-utils")
    browser = find_browser()
    npm_folder = install_playwright()
    with tempfile.TemporaryDirectory(prefix="echostream-console-") as scratch:
        folder = pathlib.Path(scratch)
        make_identity(folder)
        environment = {
            **os.environ,
            "CONSOLE_BROWSER": browser,
            "CONSOLE_FOLDER": scratch,
            "CONSOLE_INTERCOM": str(EXAMPLES / "intercom"),
            "CONSOLE_SCREENSHOT": str(SCRATCH / "console.png"),
            "CONSOLE_VOICES": str(VOICES),
        }
        return subprocess.run(["node", "--test", "browser_test.mjs"], cwd=npm_folder, env=environment, timeout=150,
                              check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
