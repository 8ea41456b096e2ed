"""Other people's HTTP/3 clients against a node: buf (connect-go on quic-go), pycurl, gtlsclient.

  clients_test.py <gateway_lab_server> <folder of lab.proto> <folder for what npm installs> <idl>
"""

import base64
import json
import os
import shutil
import sys
import unittest

from lab_clients import Clients, install_from_npm, run

Clients.SERVER, PROTO_ROOT, NPM_FOLDER, IDL = sys.argv[1:5]
BUF = "@bufbuild/buf@1.75.0"
PYTHON = "/usr/bin/python3"  # Debian's own, which has Debian's pycurl
PROTOCOLS = ("connect", "grpc", "grpcweb")


class Buf(Clients):
    """The real Connect client for Go."""

    @classmethod
    def setUpClass(cls):
        npm = shutil.which("npm")
        if npm is None:
            raise unittest.SkipTest("SKIPPED: without npm there is no buf, and no Connect client but ours is tried")
        cls.buf = str(install_from_npm(npm, NPM_FOLDER, [BUF]) / ".bin" / "buf")
        super().setUpClass()
        # The schema in one file.
        cls.image = str(cls.folder / "lab.binpb")
        run("protoc", "-I", PROTO_ROOT, "-I", IDL, "--include_imports", f"--descriptor_set_out={cls.image}",
            os.path.join(PROTO_ROOT, "tests/support/lab.proto"))

    def curl(self, method, data, *arguments, protocol="connect", code=0, schema=True):
        command = [self.buf, "curl", "--http3", "--protocol", protocol, "--cacert", self.folder / "ca.pem"]
        if schema:
            command += ["--schema", self.image]
        command += ["-d", data, *arguments, f"https://localhost:{self.port}/lab.v1.Lab/{method}"]
        return run(*map(str, command), code=code, cwd=self.folder)

    @staticmethod
    def messages(text):
        """JSON values, one after the other, over any number of lines."""
        decoder, found, at = json.JSONDecoder(), [], 0
        while text[at:].strip():
            at += len(text[at:]) - len(text[at:].lstrip())
            value, at = decoder.raw_decode(text, at)
            found.append(value)
        return found

    def test_an_rpc(self):
        for protocol in PROTOCOLS:
            done = self.curl("Echo", '{"text": "hello", "number": "7"}', protocol=protocol)
            self.assertEqual(json.loads(done.stdout), {"text": "hello", "number": "7"})

    def test_an_error(self):
        for protocol in PROTOCOLS:
            done = self.curl("Fail", '{"text": "no such robot", "number": "5"}', protocol=protocol, code=None)
            self.assertNotEqual(done.returncode, 0)
            self.assertIn("not_found", done.stderr)
            self.assertIn("no such robot", done.stderr)

    def test_a_server_stream(self):
        for protocol in PROTOCOLS:
            done = self.curl("CountUp", '{"count": "3"}', protocol=protocol)
            self.assertEqual(self.messages(done.stdout), [{}, {"count": "1"}, {"count": "2"}])

    def test_a_client_stream(self):
        for protocol in PROTOCOLS:
            done = self.curl("Sum", '{"count": "3"}{"count": "39"}', protocol=protocol)
            self.assertEqual(json.loads(done.stdout), {"count": "42"})

    def test_a_stream_both_ways(self):
        for protocol in PROTOCOLS:
            done = self.curl("Mirror", '{"text": "a"}{"text": "b"}', protocol=protocol)
            self.assertEqual(done.stdout.count('"text"'), 2)

    def test_metadata(self):
        done = self.curl("Echo", "{}", "-H", "x-echo: there and back", "-v")
        self.assertIn("x-echo: there and back", done.stderr.lower())

    def test_no_schema_but_reflection(self):
        for protocol in PROTOCOLS:
            done = self.curl("Echo", '{"text": "seen"}', "--reflect", protocol=protocol, schema=False)
            self.assertEqual(json.loads(done.stdout), {"text": "seen"})
        listed = run(self.buf, "curl", "--http3", "--cacert", str(self.folder / "ca.pem"), "--reflect", "--list-methods",
                     f"https://localhost:{self.port}", cwd=self.folder)
        self.assertIn("lab.v1.Lab/Echo", listed.stdout)


class Curl(Clients):
    """libcurl on ngtcp2, nghttp3 and GnuTLS."""

    @classmethod
    def setUpClass(cls):
        if run(PYTHON, "-c", "import pycurl", code=None).returncode != 0:
            raise unittest.SkipTest("SKIPPED: without python3-pycurl no libcurl is tried")
        super().setUpClass()

    def fetch(self, path, *headers, body=None, method=None):
        script = """
import io, json, pycurl, sys
url, ca, headers, body, method = json.loads(sys.argv[1])
got, lines = io.BytesIO(), []
c = pycurl.Curl()
c.setopt(c.URL, url); c.setopt(c.CAINFO, ca); c.setopt(c.HTTP_VERSION, 31); c.setopt(c.TIMEOUT, 30)
c.setopt(c.WRITEFUNCTION, got.write); c.setopt(c.HTTPHEADER, headers)
c.setopt(c.HEADERFUNCTION, lambda line: lines.append(line.decode().strip()))
if body is not None: c.setopt(c.POSTFIELDS, body)
if method is not None: c.setopt(c.CUSTOMREQUEST, method)
c.perform()
print(json.dumps([c.getinfo(c.RESPONSE_CODE), c.getinfo(c.INFO_HTTP_VERSION), lines, got.getvalue().decode("latin1")]))
"""
        given = [f"https://localhost:{self.port}{path}", str(self.folder / "ca.pem"), list(headers), body, method]
        code, version, lines, got = json.loads(run(PYTHON, "-c", script, json.dumps(given)).stdout)
        self.assertEqual(version, 30)
        return code, dict(line.split(": ", 1) for line in lines if ": " in line), got

    def test_posts_and_gets(self):
        code, headers, body = self.fetch("/lab.v1.Lab/Echo", "content-type: application/json", body='{"text": "curl"}')
        self.assertEqual((code, json.loads(body)), (200, {"text": "curl"}))
        self.assertEqual(headers["content-type"], "application/json")
        message = base64.urlsafe_b64encode(b'{"text": "get"}').decode()
        code, _, body = self.fetch(f"/lab.v1.Lab/Echo?connect=v1&encoding=json&base64=1&message={message}")
        self.assertEqual((code, json.loads(body)), (200, {"text": "get"}))

    def test_r09_what_is_not_there_or_not_allowed(self):
        json_type = "content-type: application/json"
        for path, headers, body, method, wanted in (
            ("/", [], None, None, 404),
            ("/nothing.v1.None/None", [json_type], "{}", None, 404),
            ("/lab.v1.Lab/Echo", ["content-type: text/plain"], "{}", None, 415),
            ("/lab.v1.Lab/Echo", [json_type], "{}", "PUT", 405),
            ("/lab.v1.Lab/Echo", [json_type], "{", None, 400),
            ("/lab.v1.Lab/Echo", [json_type, "content-encoding: br"], "{}", None, 501),
        ):
            with self.subTest(path=path, body=body, method=method):
                self.assertEqual(self.fetch(path, *headers, body=body, method=method)[0], wanted)

    def test_h06_pages_of_other_origins(self):
        preflight = ["access-control-request-method: POST", "access-control-request-headers: content-type"]
        _, headers, _ = self.fetch("/lab.v1.Lab/Echo", "origin: https://console.example", *preflight, method="OPTIONS")
        self.assertEqual(headers.get("access-control-allow-origin"), "https://console.example")
        _, headers, _ = self.fetch("/lab.v1.Lab/Echo", "origin: https://evil.example", *preflight, method="OPTIONS")
        self.assertNotIn("access-control-allow-origin", headers)


class GtlsClient(Clients):
    """ngtcp2's own client, on GnuTLS."""

    def test_many_requests_at_once(self):
        client = shutil.which("gtlsclient")
        if client is None:
            self.skipTest("SKIPPED: without gtlsclient (package ngtcp2-client)")
        url = f"https://localhost:{self.port}/lab.v1.Lab/Echo?connect=v1&encoding=json&message=%7B%7D"
        done = run(client, "--no-quic-dump", "--exit-on-all-streams-close", "-n", "200", "localhost", self.port, url)
        self.assertEqual((done.stdout + done.stderr).count(":status: 200"), 200)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
