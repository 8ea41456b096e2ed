"""The command line against a station of the intercom demo and an HTTP/3 server, and what it does with certificates.

  call_command_test.py <echostream> <intercom-answer> <intercom.proto> <gateway_lab_server> <lab.proto>
"""

import base64
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

PROGRAM = STATION = PROTO = HTTP_SERVER = LAB_PROTO = ""
VOICE = pathlib.Path("/usr/share/sounds/alsa/Front_Left.wav")
CALL_ENDED = 64
FAILED_PRECONDITION = CALL_ENDED + 9
WRONG_USAGE = 2


class Command(unittest.TestCase):
    folder = None

    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="echostream-call-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)

    def run_command(self, *arguments, code=0, stdin=""):
        environment = {**os.environ, "XDG_CONFIG_HOME": str(self.folder / "config")}
        done = subprocess.run([PROGRAM, *map(str, arguments)], cwd=self.folder, env=environment, input=stdin,
                              capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, code, f"{arguments}\n{done.stdout}{done.stderr}")
        return done

    def refused(self, message, *arguments, code=WRONG_USAGE, stdin=""):
        done = self.run_command(*arguments, code=code, stdin=stdin)
        self.assertIn(message, done.stderr)
        return done

    def refused_in_json(self, status, *arguments, code=WRONG_USAGE):
        """The last line of stdout is the error, and stderr says it too."""
        done = self.run_command(*arguments, "--json", code=code)
        error = json.loads(done.stdout.splitlines()[-1])
        self.assertEqual(list(error), ["status", "code", "message", "details"])
        self.assertEqual(error["status"], status)
        self.assertIn(error["message"].splitlines()[0], done.stderr)
        return error


class Certificates(Command):
    def create(self, *arguments, code=0):
        return self.run_command("cert", "create", *arguments, code=code)

    def test_keys_are_for_their_owner_alone(self):
        self.create("robot", "--certificate", "own.pem", "--key", "own.key")
        self.assertEqual(stat.S_IMODE((self.folder / "own.key").stat().st_mode), 0o600)

    def test_nothing_is_overwritten(self):
        self.create("robot", "--certificate", "a.pem", "--key", "a.key")
        before = (self.folder / "a.key").read_bytes()
        # Neither when only one of the two is there.
        for certificate, key in (("a.pem", "a.key"), ("a.pem", "b.key"), ("b.pem", "a.key")):
            done = self.create("robot", "--certificate", certificate, "--key", key, code=1)
            self.assertIn("is there already", done.stderr)
        self.assertEqual((self.folder / "a.key").read_bytes(), before)
        self.assertFalse((self.folder / "b.key").exists() or (self.folder / "b.pem").exists())
        self.create("robot", "--certificate", "a.pem", "--key", "a.key", "--force")
        self.assertNotEqual((self.folder / "a.key").read_bytes(), before)
        self.assertEqual(stat.S_IMODE((self.folder / "a.key").stat().st_mode), 0o600)

    def test_an_authority_issues(self):
        self.create("Our CA", "--authority", "--certificate", "ca.pem", "--key", "ca.key")
        made = self.create("--host", "192.0.2.7", "robot.example", "--issuer", "ca.pem", "--issuer-key", "ca.key",
                           "--certificate", "leaf.pem", "--key", "leaf.key", "--json")
        fingerprint = json.loads(made.stdout)["fingerprint"]
        shown = json.loads(self.run_command("cert", "inspect", "leaf.pem", "--key", "leaf.key", "--json").stdout)
        self.assertEqual(shown["issuer"], "Our CA")
        self.assertEqual(shown["names"], ["DNS:robot.example", "IP:192.0.2.7"])
        self.assertEqual((shown["key"], shown["warnings"]), ("ECDSA P-256", []))
        self.assertEqual(shown["fingerprint"], fingerprint)
        self.assertEqual(self.run_command("cert", "fingerprint", "leaf.pem").stdout.strip(), fingerprint)
        text = self.run_command("cert", "inspect", "ca.pem").stdout
        self.assertRegex(text, r"warning +it is an authority's")
        if shutil.which("openssl"):
            checked = subprocess.run(["openssl", "verify", "-CAfile", "ca.pem", "leaf.pem"], cwd=self.folder,
                                     capture_output=True, text=True, check=False)
            self.assertEqual(checked.returncode, 0, checked.stderr)
        self.create("x", "--issuer", "leaf.pem", "--issuer-key", "leaf.key", "--certificate", "x.pem", "--key", "x.key",
                    code=2)

    def test_no_key_stays_whose_certificate_cannot_be_written(self):
        for force in ([], ["--force"]):
            done = self.create("robot", "--certificate", "no/such/k.pem", "--key", "k.key", *force, code=1)
            self.assertIn("no/such/k.pem", done.stderr)
            self.assertFalse((self.folder / "k.key").exists())

    def test_each_host_is_named_once(self):
        made = self.create("localhost", "--host", "127.0.0.1", "--host", "LOCALHOST", "--certificate", "l.pem",
                           "--key", "l.key", "--json")
        self.assertEqual(json.loads(made.stdout)["hosts"], ["localhost", "127.0.0.1", "::1"])
        names = json.loads(self.run_command("cert", "inspect", "l.pem", "--json").stdout)["names"]
        self.assertEqual(sorted(names), ["DNS:localhost", "IP:127.0.0.1", "IP:::1"])

    def test_who_outlives_its_issuer_is_warned_of(self):
        self.create("Short CA", "--authority", "--certificate", "s.pem", "--key", "s.key", "--days", 10)
        issued = ["robot.example", "--issuer", "s.pem", "--issuer-key", "s.key", "--certificate", "o.pem", "--key",
                  "o.key", "--force"]
        self.assertRegex(self.create(*issued, "--days", 20).stdout, r"warning +it outlives who issued it, Short CA")
        self.assertEqual(json.loads(self.create(*issued, "--days", 10, "--json").stdout)["warnings"], [])
        self.assertEqual(len(json.loads(self.create(*issued, "--json").stdout)["warnings"]), 1)

    def test_a_loose_key_is_warned_of(self):
        self.create("robot", "--certificate", "loose.pem", "--key", "loose.key")
        (self.folder / "loose.key").chmod(0o644)
        text = self.run_command("cert", "inspect", "loose.pem", "--key", "loose.key").stdout
        self.assertIn("chmod 600", text)

    def test_wrong_usage(self):
        self.refused("belong together", "cert", "create", "a", "--issuer", "ca.pem")
        self.refused("neither a host name", "cert", "create", "a", "--host", "b c")
        self.refused("NAME", "cert", "create")
        self.refused("--days", "cert", "create", "a", "--days", "0")
        self.refused("no-such.pem", "cert", "inspect", "no-such.pem", code=1)

    def test_errors_are_json_as_well(self):
        self.refused_in_json("INVALID_ARGUMENT", "cert", "create", "a", "--issuer", "ca.pem")
        self.refused_in_json("INVALID_ARGUMENT", "cert", "create", "a", "--dais", "3")
        self.refused_in_json("INVALID_ARGUMENT", "cert", "inspect")
        self.refused_in_json("NOT_FOUND", "cert", "inspect", "no-such.pem", code=1)


class Completion(Command):
    def test_bash_completes(self):
        bash = shutil.which("bash")
        if bash is None:
            self.skipTest("SKIPPED: there is no bash")
        script = self.run_command("completion", "bash").stdout

        def complete(*words):
            line = " ".join(f"'{word}'" for word in words)
            done = subprocess.run(
                [bash, "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words) - 1}; _echostream; "
                 'printf "%s\\n" "${COMPREPLY[@]}"'], capture_output=True, text=True, check=True)
            return done.stdout.split()

        self.assertIn("describe", complete("echostream", ""))
        self.assertEqual(complete("echostream", "desc"), ["describe"])
        self.assertEqual(complete("echostream", "cert", "f"), ["fingerprint"])
        self.assertIn("--fingerprint", complete("echostream", "call", "host:1", "--f"))
        self.assertEqual(complete("echostream", "call", "https://host", "--protocol", "g"), ["grpc", "grpc-web"])
        self.assertEqual(complete("echostream", "completion", "z"), [])
        (self.folder / "some.pem").touch()
        self.assertIn(str(self.folder / "some.pem"), complete("echostream", "ping", "--ca", str(self.folder / "so")))

    def test_every_shell_has_a_script(self):
        self.assertIn("#compdef echostream", self.run_command("completion", "zsh").stdout)
        self.assertIn("complete -c echostream", self.run_command("completion", "fish").stdout)
        self.refused("one of bash|zsh|fish", "completion", "tcsh")


class Station(Command):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        if not VOICE.is_file():
            raise unittest.SkipTest(f"SKIPPED: there is no {VOICE}; on Debian, install alsa-utils")
        contact = cls.folder / "contact"
        cls.station = subprocess.Popen(
            [STATION, "--name", "kitchen", "--contact", contact, "--voice", VOICE, "--reflection", "--calls", "100",
             "--answer-after", "100ms"], stdout=subprocess.DEVNULL)
        cls.addClassCleanup(cls.stop)
        deadline = time.monotonic() + 20
        while not (contact.is_file() and contact.read_text(encoding="utf-8").count("\n") >= 2):
            if time.monotonic() > deadline:
                raise AssertionError("the station did not come up")
            time.sleep(0.05)
        lines = dict(line.split(" ", 1) for line in contact.read_text(encoding="utf-8").splitlines())
        cls.address = lines["address"]
        cls.trust = ["--fingerprint", lines["fingerprint"]]

    @classmethod
    def stop(cls):
        cls.station.send_signal(signal.SIGINT)
        try:
            cls.station.wait(timeout=20)
        except subprocess.TimeoutExpired:
            cls.station.kill()
            cls.station.wait()

    def to_station(self, command, *arguments, code=0, stdin=""):
        return self.run_command(command, self.address, *arguments, *self.trust, code=code, stdin=stdin)

    def test_ping(self):
        text = self.to_station("ping", "--count", 2, "--interval", 50).stdout
        self.assertRegex(text, r"connected to 127\.0\.0\.1:\d+ in [\d.]+ ms \(full handshake\)")
        self.assertRegex(text, r"ping 2  [\d.]+ ms  rtt [\d.]+ ms")
        self.assertRegex(text, r"2 pings  least")
        self.assertRegex(text, r"path  MTU \d+ bytes")
        self.assertRegex(text, r"clock  \w+, offset")

    def test_ping_as_json_and_resumed(self):
        for resumed in (False, True):
            lines = [json.loads(line) for line in
                     self.to_station("ping", "-c", 1, "--json", "--tickets", "tickets").stdout.splitlines()]
            self.assertEqual([line["event"] for line in lines], ["connected", "ping", "summary"])
            self.assertEqual(lines[0]["resumed"], resumed)
            self.assertEqual(lines[1]["time_ms"], lines[2]["least_ms"])
            self.assertGreater(lines[2]["smoothed_rtt_ms"], 0)
            self.assertGreater(lines[2]["clock"]["bound_ms"], 0)

    def test_ping_ends_with_a_summary_when_it_is_stopped(self):
        ping = subprocess.Popen([PROGRAM, "ping", self.address, "-c", "0", "--interval", "20", *self.trust],
                                stdout=subprocess.PIPE, text=True)
        for _ in range(4):
            ping.stdout.readline()
        ping.send_signal(signal.SIGINT)
        self.assertRegex(ping.communicate(timeout=20)[0], r"\d+ pings?  least")
        self.assertEqual(ping.returncode, 0)

    def test_list_and_describe_ask_the_node(self):
        text = self.to_station("list").stdout
        self.assertIn("intercom.v1.Intercom\n  rpc        Ring(intercom.v1.RingRequest) returns (intercom.v1.RingReply)",
                      text)
        self.assertIn("echostream.reflection.v1.Reflection", text)
        services = [json.loads(line) for line in self.to_station("list", "--json").stdout.splitlines()]
        [intercom] = [service for service in services if service["service"] == "intercom.v1.Intercom"]
        # As text: many readers of JSON round numbers of more than 53 bits.
        self.assertEqual({hex(int(method["id"])) for method in intercom["methods"] if method["name"].endswith("/Voice")},
                         {"0x38eca8739e3dd4df"})
        self.assertIsInstance(intercom["methods"][0]["id"], str)
        text = self.to_station("describe", "Intercom/Voice").stdout
        self.assertIn("stream, DATAGRAM, max age 100 ms, priority 0, jitter buffer LOW_LATENCY up to 300 ms", text)
        self.assertIn("message VoiceFrame {", text)
        self.assertIn("enum Phase {", self.to_station("describe", "StationState").stdout)
        self.assertIn("there is no service", self.to_station("describe", "nothing", code=1).stderr)
        self.assertIn("service intercom.v1.Intercom", self.to_station("describe", "Intercom").stdout)
        self.assertIn("is it intercom.v1.Intercom?", self.to_station("describe", "intercon", code=1).stderr)

    def test_describe_reads_a_proto_file_instead(self):
        text = self.to_station("describe", "Ring", "--proto", PROTO).stdout
        self.assertIn("// Asks the station to take a call.", text)
        self.assertIn("deadline 20000 ms", text)

    def test_call_prints_a_reply(self):
        reply = json.loads(self.to_station("call", "Ring", "-d", '{"from": "shell", "codec": {"sampleRate": 48000, '
                                           '"channels": 1, "frameMs": 20, "bitrateBitsPerS": 24000}}').stdout)
        self.assertEqual(reply["by"], "kitchen")
        self.assertEqual(reply["codec"]["sampleRate"], 48000)

    def test_options_may_stand_anywhere(self):
        for arguments in ([*self.trust, "-H", "a: 1", self.address, "HangUp", "-H", "b: 2"],
                          [self.address, "--proto", PROTO, *self.trust, "HangUp"],
                          [self.address, *self.trust, "-I", ".", "HangUp", "-d", "{}"]):
            self.run_command("call", *arguments, code=FAILED_PRECONDITION)

    def test_call_reads_a_file_and_what_is_piped_in(self):
        (self.folder / "report.json").write_text('{"station": "shell"}', encoding="utf-8")
        for data, stdin in (("@report.json", ""), ("-", '{"station": "shell"}')):
            done = self.to_station("call", "HangUp", "-d", data, code=FAILED_PRECONDITION, stdin=stdin)
            self.assertIn("FAILED_PRECONDITION: there is no call to hang up", done.stderr)

    def test_an_error_is_an_exit_code_and_json(self):
        done = self.to_station("call", "HangUp", "--json", code=FAILED_PRECONDITION)
        self.assertEqual(json.loads(done.stdout), {
            "status": "FAILED_PRECONDITION", "code": 9, "message": "there is no call to hang up", "details": []})

    def test_bad_json_is_wrong_usage_with_its_place(self):
        done = self.to_station("call", "Ring", "-d", '{\n  "fro": 1}', code=WRONG_USAGE)
        self.assertIn('line 2, column 3', done.stderr)
        self.assertIn('"from"', done.stderr)
        done = self.to_station("call", "Ring", "-d", "-", code=WRONG_USAGE, stdin='{"from": "a"}\n\n   {"from": 1}')
        self.assertRegex(done.stderr, r"standard input: line 3, column \d+")
        done = self.to_station("call", "Voice", "-d", '{}{"opus": "!"}', code=WRONG_USAGE)
        self.assertRegex(done.stderr, r"--data: line 1, column \d+")

    def test_a_limit_that_the_nodes_own_description_breaks_is_named(self):
        self.refused("see --max-reply-bytes, or give --proto FILE", "call", self.address, "Ring", "--max-reply-bytes", 100,
                     *self.trust, code=1)

    def test_a_method_that_is_not_there(self):
        done = self.to_station("call", "Rin", code=1)
        self.assertIn("is it intercom.v1.Intercom/Ring?", done.stderr)
        done = self.to_station("call", "Intercom", code=1)
        self.assertIn("'Intercom' is a service: say which method, intercom.v1.Intercom/Ring, ", done.stderr)
        done = self.to_station("emit", "Ring", code=WRONG_USAGE)
        self.assertIn("is a method of kind rpc", done.stderr)
        done = self.to_station("emit", "StateChanged", code=WRONG_USAGE)
        self.assertIn("use 'echostream subscribe'", done.stderr)
        done = self.to_station("subscribe", "Ring", code=WRONG_USAGE)
        self.assertIn("answers with one message", done.stderr)
        # One that the .proto has and the node does not: it knows the id only.
        (self.folder / "more.proto").write_text(
            'syntax = "proto3"; package intercom.v1; message M {} '
            "service Intercom { rpc Vanish(M) returns (M); }", encoding="utf-8")
        done = self.to_station("call", "Vanish", "--proto", "more.proto", code=CALL_ENDED + 12)
        self.assertIn("UNIMPLEMENTED: intercom.v1.Intercom/Vanish: ", done.stderr)

    def test_each_failure_is_json_as_well(self):
        refused = self.refused_in_json
        node = [self.address, *self.trust]
        self.assertIn("is it intercom.v1.Intercom/Ring?", refused("NOT_FOUND", "call", *node, "Rin", code=1)["message"])
        refused("INVALID_ARGUMENT", "call", *node, "Ring", "-d", "{")
        refused("INVALID_ARGUMENT", "emit", *node, "Ring")
        refused("INVALID_ARGUMENT", "call", *node, "Ring", "-H", "none")
        refused("INVALID_ARGUMENT", "call", *node)
        refused("INVALID_ARGUMENT", "list", "http://localhost:1", *self.trust)
        refused("INVALID_ARGUMENT", "ping", self.address)
        refused("INVALID_ARGUMENT", "ping", *node, "--no-such-option")
        refused("NOT_FOUND", "describe", *node, "nothing", code=1)
        refused("FAILED_PRECONDITION", "bench", *node, "HangUp", "--seconds", "0.1", code=FAILED_PRECONDITION)
        refused("INVALID_ARGUMENT", "watch", *node, "Ring")

    def test_json_that_nests_too_deeply_is_wrong_input(self):
        (self.folder / "deep.proto").write_text(
            'syntax = "proto3"; package intercom.v1; import "google/protobuf/struct.proto"; '
            "service Intercom { rpc Ring(google.protobuf.Value) returns (google.protobuf.Value); }", encoding="utf-8")
        done = self.to_station("call", "Ring", "--proto", "deep.proto", "-d", "[" * 200 + "]" * 200, code=WRONG_USAGE)
        self.assertIn("nested", done.stderr)

    def test_metadata_may_have_capitals_and_bytes(self):
        self.to_station("call", "HangUp", "-H", "X-Capital: 1", "-H", "raw-bin: aGk=", code=FAILED_PRECONDITION)
        self.refused("is base64", "call", self.address, "HangUp", "-H", "raw-bin: not base64!", *self.trust)

    def test_emit_sends(self):
        self.to_station("emit", "MicrophoneChanged", "-d", '{"talking": true}')

    def test_subscribe_prints_events(self):
        event = json.loads(self.to_station("subscribe", "StateChanged", "--max", 1).stdout)
        self.assertEqual(event["station"], "kitchen")
        event = json.loads(self.to_station("subscribe", "StateChanged", "--max", 1, "--json", "--defaults").stdout)
        self.assertEqual(event["sequence"], 0)
        self.assertIn("phase", event["message"])

    def test_watch_counts(self):
        lines = self.to_station("watch", "StateChanged", "--interval", 200, "--seconds", 0.7).stdout.splitlines()
        self.assertGreaterEqual(len(lines), 3)
        self.assertRegex(lines[0], r"/s +[\d.]+ kB/s  lost 0")
        last = json.loads(self.to_station("watch", "StateChanged", "--seconds", 0.2, "--json").stdout.splitlines()[-1])
        self.assertEqual(last["all_messages"], 1)

    def test_bench_measures(self):
        done = self.to_station("bench", "Reflection/Describe", "-d", '{"services": ["none"]}', "--concurrency", 4,
                               "--seconds", 0.5, "--json")
        figures = json.loads(done.stdout)
        self.assertGreater(figures["calls"], 10)
        self.assertLessEqual(figures["p50_ms"], figures["p99_ms"])
        self.assertEqual(figures["errors"], {})
        done = self.to_station("bench", "HangUp", "--seconds", 0.2, code=FAILED_PRECONDITION)
        self.assertEqual(done.stdout, "")
        self.assertRegex(done.stderr, r"FAILED_PRECONDITION: all \d+ calls failed, the first: there is no call to hang")
        self.assertIn("only rpcs", self.to_station("bench", "Voice", code=WRONG_USAGE).stderr)

    def test_metadata_and_trust_are_checked_before_anybody_is_dialled(self):
        self.refused("'key: value'", "call", self.address, "Ring", "-H", "Bad Key: 1", *self.trust)
        self.refused("whom to believe?", "ping", self.address)
        self.refused("there is no file none", "ping", self.address, "--known-peers", "none")
        self.refused("there is no folder none", "ping", self.address, "--qlog", "none", *self.trust)
        self.refused("there is no folder none", "ping", self.address, "--key-log", "none/keys", *self.trust)
        self.refused("only one of", "ping", self.address, "--insecure", *self.trust)
        self.refused("64 hexadecimal digits", "ping", self.address, "--fingerprint", "4f")
        other = self.trust[1].replace(self.trust[1][:2], "00" if self.trust[1][:2] != "00" else "01", 1)
        self.refused("which is not the pinned one", "ping", self.address, "--fingerprint", other, code=1)

    def test_key_log_and_qlog_are_written(self):
        (self.folder / "qlog").mkdir()
        self.to_station("ping", "-c", 1, "--key-log", "keys", "--qlog", "qlog")
        self.assertIn("CLIENT_TRAFFIC_SECRET_0", (self.folder / "keys").read_text(encoding="utf-8"))
        self.assertEqual(len(list((self.folder / "qlog").iterdir())), 1)


class Targets(Command):
    """Whom nobody can reach."""

    def test_what_is_no_target_says_what_to_write(self):
        for target, hint in (("http://localhost:80", "write https://localhost:80"),
                             ("quic://robot.example:4433/x", "robot.example:4433 for a node"),
                             ("https://localhost:1/path", "write https://localhost:1"),
                             ("192.0.2.7", "':port' is missing"), ("robot.example:70000", "not a number from 0"),
                             ("[::1]", "']:port' is missing"), ("localhost:0", "port 0"),
                             ("echostream+x:robot", "echostream+mdns:NAME")):
            done = self.refused(hint, "list", target, "--insecure")
            self.assertNotIn("add_resolver", done.stderr)
        self.refused("--protocol is for servers of https://", "list", "localhost:1", "--insecure", "--protocol", "grpc")

    def test_a_port_where_nobody_listens_is_told_of(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            for prefix in ("", "https://"):
                target = f"{prefix}127.0.0.1:{silent.getsockname()[1]}"
                arguments = ["ping", target, "--insecure", "--connect-timeout", 1500]
                done = self.refused("does anybody listen there", *arguments, code=1)
                self.assertIn("nobody has answered", done.stderr.splitlines()[0])
                done = self.run_command(*arguments, "--json", code=1)
                self.assertEqual(json.loads(done.stdout)["status"], "DEADLINE_EXCEEDED")
                self.assertNotIn("nobody has answered", done.stderr)


class HttpServer(Command):
    """Over HTTP/3, in Connect, as servers of other makes are called."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        for arguments in (["Our CA", "--authority", "--certificate", "ca.pem", "--key", "ca.key"],
                          ["--host", "localhost", "127.0.0.1", "--issuer", "ca.pem", "--issuer-key", "ca.key",
                           "--certificate", "leaf.pem", "--key", "leaf.key"]):
            subprocess.run([PROGRAM, "cert", "create", *arguments], cwd=cls.folder, check=True, capture_output=True)
        cls.server = subprocess.Popen(
            [HTTP_SERVER, "--certificate", "leaf.pem", "--key", "leaf.key", "--lifetime", "170"], cwd=cls.folder,
            stdout=subprocess.PIPE, text=True)
        cls.addClassCleanup(cls.stop)
        words = cls.server.stdout.readline().split()
        if words[:1] != ["listening"]:
            raise AssertionError("the server did not start")
        cls.address = "https://localhost:" + words[1]
        cls.native = "localhost:" + words[1]

    @classmethod
    def stop(cls):
        cls.server.send_signal(signal.SIGTERM)
        try:
            cls.server.wait(timeout=20)
        except subprocess.TimeoutExpired:
            cls.server.kill()
            cls.server.wait()
        cls.server.stdout.close()

    def to_server(self, command, *arguments, code=0, stdin=""):
        return self.run_command(command, self.address, *arguments, "--ca", "ca.pem", code=code, stdin=stdin)

    def test_ping(self):
        text = self.to_server("ping", "--count", 2, "--interval", 50).stdout
        self.assertRegex(text, r"connected to \S+:\d+ in [\d.]+ ms \(full handshake\) by HTTP/3\n")
        self.assertRegex(text, r"\nfingerprint [0-9a-f:]{95}\n")
        self.assertRegex(text, r"ping 2  [\d.]+ ms\n2 pings  least")
        self.assertNotIn("rtt", text)
        lines = [json.loads(line) for line in self.to_server("ping", "-c", 1, "--json").stdout.splitlines()]
        self.assertEqual([line["event"] for line in lines], ["connected", "ping", "summary"])
        self.assertEqual(lines[0]["protocol"], "HTTP/3")

    def test_list_and_describe(self):
        text = self.to_server("list").stdout
        self.assertIn("lab.v1.Lab\n  rpc        Echo(lab.v1.Text) returns (lab.v1.Text)", text)
        self.assertIn("published  News(lab.v1.Filter) returns (stream lab.v1.Text)", text)
        self.assertIn("message Count {", self.to_server("describe", "Lab/Sum").stdout)

    def test_call(self):
        self.assertEqual(self.to_server("call", "Echo", "-d", '{"text": "hello"}').stdout, '{"text":"hello"}\n')
        done = self.to_server("call", "Echo", "-d", "{}", "--proto", LAB_PROTO, "-H", "x-echo: there", "--json")
        self.assertEqual(json.loads(done.stdout), {"message": {}})
        self.to_server("emit", "Note", "-d", '{"text": "seen"}')

    def test_each_protocol(self):
        for protocol in ("connect", "grpc", "grpc-web"):
            spoken = ["--protocol", protocol]
            self.assertIn("rpc        Echo(", self.to_server("list", *spoken).stdout)
            self.assertEqual(self.to_server("call", "Echo", "-d", '{"text": "hi"}', *spoken).stdout, '{"text":"hi"}\n')
            self.assertEqual(self.to_server("call", "Mirror", "-d", '{"text": "a"}{}', *spoken).stdout,
                             '{"text":"a"}\n{}\n')
            done = self.to_server("call", "Fail", "-d", '{"text": "no", "number": 5}', *spoken, code=CALL_ENDED + 5)
            self.assertIn("NOT_FOUND: no", done.stderr)
        self.refused("one of connect|grpc|grpc-web", "list", self.address, "--insecure", "--protocol", "http")

    def test_metadata_arrives(self):
        raw = base64.b64encode(b"\x00\xffz").decode()
        given = ["-H", "X-Capital: as it was", "-H", f"raw-bin: {raw}", "-H", "empty:"]
        for target in (self.address, self.native):
            done = self.run_command("call", target, "Echo", "-d", '{"text": "show your metadata"}', "--ca", "ca.pem", *given)
            seen = base64.b64decode(json.loads(done.stdout)["payload"])
            for entry in (b"x-capital=as it was\n", b"raw-bin=\x00\xffz\n", b"empty=\n"):
                self.assertIn(entry, seen, target)
        echo = ["call", self.address, "Echo", "--ca", "ca.pem"]
        self.refused("belongs to HTTP", *echo, "-H", "Content-Type: text/plain")
        self.refused("x-bin", *echo, "-H", "x: \u00e9")

    def test_replies_may_be_large(self):
        for target in (self.address, self.native):
            large = ["call", target, "Echo", "-d", '{"text": "be large", "number": 5000000}', "--ca", "ca.pem"]
            self.assertGreater(len(self.run_command(*large).stdout), 6_000_000)
            done = self.run_command(*large, "--max-reply-bytes", 4_000_000, code=CALL_ENDED + 8)
            self.assertIn("4000000", done.stderr)
            self.assertIn("--max-reply-bytes", done.stderr)

    def test_subscribe_takes_streams_of_both_ways(self):
        for target in (self.address, self.native):
            done = self.run_command("subscribe", target, "Mirror", "-d", '{"text": "a"} {}', "--ca", "ca.pem")
            self.assertEqual(done.stdout, '{"text":"a"}\n{}\n')
            self.refused("answers with one message", "subscribe", target, "Sum", "--ca", "ca.pem")

    def test_streams(self):
        counted = [json.loads(line) for line in
                   self.to_server("call", "CountUp", "-d", '{"count": 3}', "--json").stdout.splitlines()]
        self.assertEqual([line["message"] for line in counted], [{}, {"count": "1"}, {"count": "2"}])
        self.assertEqual([line["sequence"] for line in counted], [0, 1, 2])
        self.assertEqual(self.to_server("call", "Sum", "-d", '{"count": 1} {"count": 41}').stdout, '{"count":"42"}\n')
        self.assertEqual(self.to_server("call", "Mirror", "-d", "-", stdin='{"text": "a"}\n{"text": "b"}').stdout,
                         '{"text":"a"}\n{"text":"b"}\n')

    def test_subscribe_and_watch(self):
        self.assertEqual(self.to_server("subscribe", "CountUp", "-d", '{"count": 100000}', "--max", 2).stdout,
                         '{}\n{"count":"1"}\n')
        # Nobody publishes any.
        subscribed = subprocess.Popen([PROGRAM, "subscribe", self.address, "News", "--ca", "ca.pem"], cwd=self.folder)
        time.sleep(0.5)
        subscribed.send_signal(signal.SIGINT)
        self.assertEqual(subscribed.wait(timeout=20), 0)
        done = self.to_server("watch", "Datagrams", "-d", '{"count": 5}', "--json")
        self.assertEqual(json.loads(done.stdout.splitlines()[-1])["all_messages"], 5)

    def test_an_error_is_an_exit_code_and_json(self):
        done = self.to_server("call", "Fail", "-d", '{"text": "no", "number": 5}', "--json", code=CALL_ENDED + 5)
        self.assertEqual(json.loads(done.stdout), {"status": "NOT_FOUND", "code": 5, "message": "no",
                                                   "details": [{"@type": "type.googleapis.com/lab.v1.Text"}]})
        done = self.to_server("call", "Delay", "-d", '{"number": 60000}', "--timeout", 100, code=CALL_ENDED + 4)
        self.assertIn("DEADLINE_EXCEEDED", done.stderr)
        done = self.to_server("bench", "Fail", "-d", '{"number": 5}', "--seconds", 0.2, code=CALL_ENDED + 5)
        self.assertRegex(done.stderr, r"bench: NOT_FOUND: all \d+ calls failed\n")
        self.assertIn("lab.v1.Text", done.stderr)

    def test_bench(self):
        figures = json.loads(self.to_server("bench", "Echo", "--concurrency", 4, "--seconds", 0.3, "--json").stdout)
        self.assertGreater(figures["calls"], 10)
        self.assertEqual(figures["errors"], {})

    def test_trust_identity_and_traces(self):
        self.refused("whom to believe?", "ping", self.address)
        self.run_command("ping", self.address, "-c", 1, "--insecure")
        fingerprint = self.run_command("cert", "fingerprint", "leaf.pem").stdout.strip()
        (self.folder / "qlog").mkdir()
        self.run_command("call", self.address, "Echo", "--fingerprint", fingerprint, "--cert", "leaf.pem",
                         "--key", "leaf.key", "--key-log", "keys", "--qlog", "qlog")
        self.assertIn("CLIENT_TRAFFIC_SECRET_0", (self.folder / "keys").read_text(encoding="utf-8"))
        self.assertEqual(len(list((self.folder / "qlog").iterdir())), 1)
        self.run_command("cert", "create", "other", "--certificate", "other.pem", "--key", "other.key")
        self.refused("connect to https://localhost", "ping", self.address, "--ca", "other.pem", code=1)
        for resumed in (False, True):
            lines = self.run_command("ping", self.address, "-c", 1, "--ca", "ca.pem", "--tickets", "t", "--json").stdout
            self.assertEqual(json.loads(lines.splitlines()[0])["resumed"], resumed)
        met = ["--known-peers", "met", "--trust-first-use"]
        self.assertIn("for the first time", self.run_command("ping", self.address, "-c", 1, *met).stderr)
        self.assertIn("localhost:", (self.folder / "met").read_text(encoding="utf-8"))
        self.run_command("ping", self.address, "-c", 1, "--known-peers", "met")


class Help(Command):
    def test_every_command_explains_itself(self):
        for command in ("ping", "list", "describe", "call", "emit", "subscribe", "watch", "bench"):
            text = self.run_command(command, "--help").stdout
            self.assertRegex(text, "Examples?:")
            self.assertIn("64 + N", text)
            self.assertIn("--connect-timeout MS", text)
        for command in ("call", "emit", "subscribe", "watch", "bench"):
            text = " ".join(self.run_command(command, "--help").stdout.split())
            self.assertIn("--max-reply-bytes BYTES", text)
            self.assertIn("-bin the value is base64", text)
        for command in ("create", "fingerprint", "inspect"):
            self.assertRegex(self.run_command("cert", command, "--help").stdout, "Examples?:")


if __name__ == "__main__":
    PROGRAM, STATION, PROTO, HTTP_SERVER, LAB_PROTO = (os.path.abspath(path) for path in sys.argv[1:6])
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[6:]])
