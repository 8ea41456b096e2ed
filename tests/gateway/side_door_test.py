"""Other people's HTTPS/1.1 clients at a node's TCP side door: curl, Python's http.client, Chromium.

  side_door_test.py <gateway_lab_server>
"""

import http.client
import json
import re
import shutil
import socket
import ssl
import sys
import unittest

from chromium import Chromium, find_chromium
from lab_clients import Clients, key_hash, run

Clients.SERVER = sys.argv[1]
PYTHON = "/usr/bin/python3"  # Debian's own, which has Debian's pycurl
ECHO = "/lab.v1.Lab/Echo"
JSON = {"Content-Type": "application/json"}


class SideDoor(Clients):
    ARGUMENTS = ["--tcp-side-door", "on"]


class Curl(SideDoor):
    @classmethod
    def setUpClass(cls):
        if shutil.which("curl") is None:
            raise unittest.SkipTest("SKIPPED: without curl")
        super().setUpClass()

    def curl(self, path, *arguments, code=0):
        return run("curl", "--silent", "--show-error", "--cacert", str(self.folder / "ca.pem"), *arguments,
                   f"https://localhost:{self.port}{path}", code=code, errors="replace").stdout

    def test_a_post(self):
        answer = self.curl(ECHO, "--include", "--json", '{"text": "curl"}')
        self.assertIn("HTTP/1.1 200 OK", answer)
        self.assertIn(f'alt-svc: h3=":{self.port}"; ma=3600', answer)
        self.assertTrue(answer.endswith('{"text":"curl"}'))

    def test_a_get(self):
        answer = self.curl(ECHO + "?connect=v1&encoding=json&message=%7B%22text%22%3A%22get%22%7D")
        self.assertEqual(json.loads(answer), {"text": "get"})

    def test_a_body_that_waits_to_be_asked_for(self):
        text = "x" * 500_000
        (self.folder / "body.json").write_text(json.dumps({"text": text}))
        answer = self.curl(ECHO, "--header", "content-type: application/json", "--header", "expect: 100-continue",
                           "--header", "transfer-encoding: chunked", "--data", f"@{self.folder}/body.json")
        self.assertEqual(json.loads(answer), {"text": text})

    def test_a_connection_is_used_again(self):
        url = f"https://localhost:{self.port}{ECHO}"
        done = run("curl", "--silent", "--verbose", "--cacert", str(self.folder / "ca.pem"), "--json", "{}", url, url, url)
        self.assertEqual(done.stdout, "{}{}{}")
        self.assertEqual(done.stderr.count("Re-using existing"), 2)

    def test_the_consoles_page(self):
        self.assertIn("</html>", self.curl("/"))
        self.assertIn("content-length", self.curl("/", "--head"))
        self.assertIn("HTTP/1.1 200 OK", self.curl("/", "--include", "--http1.0"))

    def test_a_stream_is_told_to_use_http3(self):
        answer = self.curl("/lab.v1.Lab/CountUp", "--header", "content-type: application/connect+json",
                           "--data-binary", "{}")
        self.assertIn("HTTP/3", answer)

    def test_plain_http_gets_nothing(self):
        done = run("curl", "--silent", "--max-time", "30", f"http://localhost:{self.port}/", code=None)
        self.assertNotEqual(done.returncode, 0)
        self.assertEqual(done.stdout, "")


class LeadsOn(SideDoor):
    """libcurl that knows HTTP/3 follows "alt-svc"."""

    # Python's binding for libcurl does not have these options.
    SCRIPT = """
import ctypes, json, sys
url, ca, kept = (text.encode() for text in json.loads(sys.argv[1]))
curl = ctypes.CDLL("libcurl-gnutls.so.4")
curl.curl_version.restype = ctypes.c_char_p
if b"nghttp3" not in curl.curl_version():
    sys.exit(3)
curl.curl_easy_init.restype = curl.curl_slist_append.restype = ctypes.c_void_p
c = ctypes.c_void_p(curl.curl_easy_init())
taken = ctypes.CFUNCTYPE(ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t, ctypes.c_size_t, ctypes.c_void_p)(
    lambda data, size, count, user: size * count)
fields = ctypes.c_void_p(curl.curl_slist_append(None, b"content-type: application/json"))
for option, value in ((10002, url), (10065, ca), (10015, b"{}"), (10023, fields), (20011, taken), (13, ctypes.c_long(30)),
                      (10287, kept),                        # CURLOPT_ALTSVC
                      (286, ctypes.c_long(1 << 3 | 1 << 5))):  # CURLOPT_ALTSVC_CTRL: HTTP/1 and HTTP/3
    assert curl.curl_easy_setopt(c, option, value) == 0, option
said = []
for _ in range(2):
    assert curl.curl_easy_perform(c) == 0
    version, code = ctypes.c_long(), ctypes.c_long()
    curl.curl_easy_getinfo(c, 0x20002E, ctypes.byref(version))
    curl.curl_easy_getinfo(c, 0x200002, ctypes.byref(code))
    said.append([version.value, code.value])
print(json.dumps(said))
"""

    def test_from_tcp_to_quic(self):
        given = [f"https://localhost:{self.port}{ECHO}", str(self.folder / "ca.pem"), str(self.folder / "altsvc")]
        done = run(PYTHON, "-c", self.SCRIPT, json.dumps(given), code=None)
        if done.returncode == 3 or "libcurl-gnutls.so.4" in done.stderr:
            self.skipTest("SKIPPED: without a libcurl with HTTP/3 (libcurl3-gnutls)")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(json.loads(done.stdout), [[2, 200], [30, 200]])  # CURL_HTTP_VERSION_1_1, _3


class Python(SideDoor):
    def connect(self):
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        client = http.client.HTTPSConnection("localhost", int(self.port), timeout=30, context=context)
        self.addCleanup(client.close)
        return client

    def test_requests_on_one_connection(self):
        client = self.connect()
        sockets = set()
        for i in range(20):
            client.request("POST", ECHO, json.dumps({"text": str(i)}), JSON)
            sockets.add(client.sock)
            response = client.getresponse()
            self.assertEqual(response.status, 200)
            self.assertEqual(json.loads(response.read()), {"text": str(i)})
        self.assertEqual(len(sockets), 1)

    def test_chunks(self):
        client = self.connect()
        client.request("POST", ECHO, iter([b'{"text"', b': "in ', b'pieces"}']), JSON, encode_chunked=True)
        self.assertEqual(json.loads(client.getresponse().read()), {"text": "in pieces"})

    def test_errors(self):
        client = self.connect()
        for method, path, body, wanted in (("POST", "/nothing.v1.None/None", "{}", 404), ("POST", ECHO, "{", 400),
                                           ("PUT", ECHO, "{}", 405), ("GET", "/", None, 200)):
            client.request(method, path, body, JSON)
            response = client.getresponse()
            self.assertEqual(response.status, wanted)
            response.read()

    def test_what_is_malformed_ends_the_connection(self):
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        plain = socket.create_connection(("localhost", int(self.port)), 30)
        with context.wrap_socket(plain, server_hostname="localhost") as client:
            client.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
            answer = b""
            while piece := client.recv(4096):
                answer += piece
        self.assertTrue(answer.startswith(b"HTTP/1.1 400 "), answer)

    def test_early_tls_is_refused(self):
        context = ssl.create_default_context(cafile=self.folder / "ca.pem")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
        plain = socket.create_connection(("localhost", int(self.port)), 30)
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            context.wrap_socket(plain, server_hostname="localhost")


class Browser(SideDoor):
    """A browser that knows nothing of HTTP/3 here."""

    @classmethod
    def setUpClass(cls):
        program = find_chromium()
        super().setUpClass()
        cls.browser = Chromium(program, [
            f"--ignore-certificate-errors-spki-list={key_hash(cls.folder / 'leaf.pem')}",
            "--host-resolver-rules=MAP localhost 127.0.0.1",
        ])
        cls.addClassCleanup(cls.browser.close)

    def test_it_shows_the_console_and_calls(self):
        page = self.browser.open_page(f"https://localhost:{self.port}/")
        title = self.browser.evaluate(page, "document.title")
        self.assertTrue(re.search("(?i)console|echostream", title), title)
        done = self.browser.evaluate(page, """(async () => {
          const response = await fetch("/lab.v1.Lab/Echo", {
            method: "POST", headers: {"content-type": "application/json"}, body: '{"text": "page"}'});
          const [entry] = performance.getEntriesByType("navigation");
          return {reply: await response.json(), protocol: entry.nextHopProtocol,
                  altSvc: response.headers.get("alt-svc") !== null};
        })()""")
        self.assertEqual(done["reply"], {"text": "page"})
        self.assertEqual(done["protocol"], "http/1.1")

    def test_the_console_says_that_calls_work_and_the_watch_needs_http3(self):
        page = self.browser.open_page(f"https://localhost:{self.port}/")
        said = self.browser.evaluate(page, """new Promise((resolve) => {
          const look = () => {
            const [link, banner] = ["link", "banner-text"].map((id) => document.getElementById(id).textContent);
            if (banner) resolve({link, banner, main: document.querySelector(".monitor").innerText});
            else setTimeout(look, 20);
          };
          look();
        })""")
        self.assertEqual(said["link"], "calls only")
        self.assertRegex(said["banner"], r"^Calls work, .*HTTP/3")
        self.assertNotIn("No session is open", said["main"])


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
