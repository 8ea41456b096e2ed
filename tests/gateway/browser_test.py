"""Pages in Chromium that call a node over HTTP/3.

  browser_test.py <gateway_lab_server> <docs/http.md>
"""

import re
import sys
import unittest

from chromium import Chromium, find_chromium
from lab_clients import Clients, key_hash

Clients.SERVER, HTTP_MD = sys.argv[1:3]


def example_of_the_documentation():
    """The one block of JavaScript in docs/http.md."""
    with open(HTTP_MD, encoding="utf-8") as file:
        blocks = re.findall(r"```js\n(.*?)```", file.read(), re.DOTALL)
    if len(blocks) != 1:
        raise AssertionError(f"{HTTP_MD} has {len(blocks)} blocks of JavaScript; which one is to be run?")
    return blocks[0]


# An enveloped message, and what messages a body is made of.
ENVELOPES = """
const pack = (value) => {
  const message = new TextEncoder().encode(JSON.stringify(value));
  const bytes = new Uint8Array(5 + message.length);
  new DataView(bytes.buffer).setUint32(1, message.length);
  bytes.set(message, 5);
  return bytes;
};
const unpack = (buffer) => {
  const view = new DataView(buffer), found = [];
  for (let at = 0; at < buffer.byteLength;) {
    const size = view.getUint32(at + 1);
    found.push([view.getUint8(at), JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, at + 5, size)))]);
    at += 5 + size;
  }
  return found;
};
"""


class Browser(Clients):
    @classmethod
    def setUpClass(cls):
        program = find_chromium()
        super().setUpClass()
        cls.home = f"https://localhost:{cls.port}"
        # Pages of these come from the node as well: that it says 404 does not matter for where they are from.
        others = ("console.example", "evil.example")
        rules = [f"MAP {host} 127.0.0.1:{cls.port}" for host in others] + ["MAP localhost 127.0.0.1"]
        cls.browser = Chromium(program, [
            "--origin-to-force-quic-on=" + ",".join([f"localhost:{cls.port}"] + [f"{host}:443" for host in others]),
            f"--ignore-certificate-errors-spki-list={key_hash(cls.folder / 'leaf.pem')}",
            "--host-resolver-rules=" + ", ".join(rules),
        ])
        cls.addClassCleanup(cls.browser.close)

    def in_page(self, script, origin=None):
        """Runs the body of an async function in a page of that origin, by default the node's own."""
        page = self.browser.open_page(f"{origin or self.home}/")
        return self.browser.evaluate(page, f"(async () => {{ {script} }})()")

    def test_the_example_of_the_documentation(self):
        example = example_of_the_documentation()
        for theirs, ours in (("https://robot.example:4433/acme.v1.Robot/Grip", f"{self.home}/lab.v1.Lab/Echo"),
                             ("{force: 3.5}", '{text: "from a page", number: 35}')):
            self.assertEqual(example.count(theirs), 1)
            example = example.replace(theirs, ours)
        done = self.in_page(example + """
          const [entry] = performance.getEntriesByName(response.url);
          return {status: response.status, reply, protocol: entry.nextHopProtocol};""")
        self.assertEqual(done["status"], 200)
        self.assertEqual(done["reply"], {"text": "from a page", "number": "35"})
        self.assertEqual(done["protocol"], "h3")

    def test_the_example_with_an_error(self):
        example = example_of_the_documentation().replace(
            "https://robot.example:4433/acme.v1.Robot/Grip", f"{self.home}/lab.v1.Lab/Fail"
        ).replace("{force: 3.5}", '{text: "no such robot", number: 5}')
        done = self.in_page("const said = []; const console = {error: (...words) => said.push(words)};" + example +
                            "return {ok: response.ok, status: response.status, said};")
        self.assertEqual(done, {"ok": False, "status": 404, "said": [["not_found", "no such robot"]]})

    def test_a_server_stream(self):
        messages = self.in_page(ENVELOPES + """
          const response = await fetch("/lab.v1.Lab/CountUp", {
            method: "POST", headers: {"content-type": "application/connect+json"}, body: pack({count: 3})});
          return unpack(await response.arrayBuffer());""")
        self.assertEqual(messages, [[0, {}], [0, {"count": "1"}], [0, {"count": "2"}], [2, {}]])

    def test_a_stream_comes_as_it_is_written_and_ends_with_the_page(self):
        text = self.in_page(ENVELOPES + """
          const leave = new AbortController();
          const response = await fetch("/lab.v1.Lab/Tick", {
            method: "POST", headers: {"content-type": "application/connect+json"}, signal: leave.signal,
            body: pack({count: 1000000, pauseMs: 20})});
          const reader = response.body.getReader();
          for (let i = 0; i < 3; ++i) await reader.read();
          leave.abort();
          return reader.read().then(() => "goes on", (error) => error.name);""")
        self.assertEqual(text, "AbortError")

    def test_many_requests_at_once(self):
        texts = self.in_page("""
          const echo = async (i) => {
            const response = await fetch("/lab.v1.Lab/Echo", {
              method: "POST", headers: {"content-type": "application/json"}, body: JSON.stringify({text: `${i}`})});
            return (await response.json()).text;
          };
          return Promise.all([...Array(200).keys()].map(echo));""")
        self.assertEqual(texts, [str(i) for i in range(200)])

    # A request with a content type that needs a preflight.
    CALL = """
      try {
        const response = await fetch("%s/lab.v1.Lab/Echo", {
          method: "POST", headers: {"content-type": "application/json", "connect-protocol-version": "1"},
          body: JSON.stringify({text: "from elsewhere"})});
        return {status: response.status, reply: await response.json()};
      } catch (error) {
        return {error: error.name};
      }"""

    def test_h06_a_page_of_an_allowed_origin(self):
        done = self.in_page(self.CALL % self.home, "https://console.example")
        self.assertEqual(done, {"status": 200, "reply": {"text": "from elsewhere"}})

    def test_h06_a_page_of_any_other_origin(self):
        self.assertEqual(self.in_page(self.CALL % self.home, "https://evil.example"), {"error": "TypeError"})


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
