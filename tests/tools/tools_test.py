"""Runs the checks of tools/ on small source trees, good and bad ones: a check that cannot fail proves nothing."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

TOOLS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools")


class Tree:
    """A source tree in a temporary folder, outside any repository."""

    def __init__(self, test):
        self.root = tempfile.mkdtemp(prefix="echostream-tools-")
        test.addCleanup(shutil.rmtree, self.root)

    def add(self, path, text):
        full = os.path.join(self.root, path)
        os.makedirs(os.path.dirname(full), exist_ok=True)
        with open(full, "w", encoding="utf-8") as file:
            file.write(text)
        return full


def run(name, *arguments):
    program = os.path.join(TOOLS, name)
    command = [sys.executable, program] if name.endswith(".py") else [program]
    done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


class SecurityMap(unittest.TestCase):
    def check(self, rows):
        tree = Tree(self)
        tree.add("runtime/a_test.cc", "TEST(Flood, P01_IsBounded) {}\nTEST_P(Rule,\n       T12_EndsIt) {}\n")
        tree.add("docs/security.md", "# Security\n\n" + "\n".join(rows) + "\n")
        return run("check_security_map.py", tree.root)

    def test_accepts_tests_that_are_there_and_rows_that_say_not_yet(self):
        code, output = self.check(["| P01 | a flood | `Flood.P01_IsBounded`, `Rule.T12_EndsIt` |",
                                   "| N12 | marks | not yet |"])
        self.assertEqual(code, 0, output)
        self.assertIn("2 rows, 2 tests", output)

    def test_refuses_what_does_not_hold(self):
        for rows, complaint in [(["| P01 | a flood | `Flood.P01_IsGone` |"], "names Flood.P01_IsGone"),
                                (["| P01 | a flood | all fine |"], "names no test"),
                                (["| P01 | a | not yet |", "| P01 | b | not yet |"], "second time"),
                                (["nothing"], "has no row")]:
            code, output = self.check(rows)
            self.assertEqual(code, 1, f"{rows} passed: {output}")
            self.assertIn("docs/security.md:", output)
            self.assertIn(complaint, output)


class Config(unittest.TestCase):
    """On a copy of the headers and the schema, with one thing changed."""

    FOLDERS = ["runtime/include/echostream", "runtime/plugins/include", "idl/echostream"]
    PAGE = "docs/configuration.md"

    def tree(self, path=None, old=None, new=None):
        tree = Tree(self)
        root = os.path.join(TOOLS, "..")
        for folder in self.FOLDERS:
            if os.path.isdir(os.path.join(root, folder)):
                shutil.copytree(os.path.join(root, folder), os.path.join(tree.root, folder))
        tree.add(self.PAGE, "")
        shutil.copy(os.path.join(root, self.PAGE), os.path.join(tree.root, self.PAGE))
        if path is not None:
            full = os.path.join(tree.root, path)
            with open(full, encoding="utf-8") as file:
                text = file.read()
            self.assertIn(old, text, f"{path} has changed: change this test")
            with open(full, "w", encoding="utf-8") as file:
                file.write(text.replace(old, new, 1))
        return tree.root

    def test_accepts_the_tree_as_it_is(self):
        code, output = run("check_config.py", self.tree())
        self.assertEqual(code, 0, output)
        code, output = run("config_reference.py", "--check", self.tree())
        self.assertEqual(code, 0, output)

    def test_refuses_what_only_one_side_can_set(self):
        node, schema = "runtime/include/echostream/node.h", "idl/echostream/config.proto"
        for path, old, new, complaint in [
                (node, "bool resumption = true;", "bool resumption = true;\n  int knob = 1;", "NodeOptions.knob cannot be"),
                (node, "bool resumption = true;", "", "has nothing for the field NodeConfig.resumption"),
                (node, "std::optional<std::uint64_t> reference;",
                 "std::optional<std::uint64_t> reference;\n  std::vector<std::string> names{\"a\"};",
                 "SharedClockOptions.names cannot be"),
                (node, "kCubic,", "kCubic, kSwift,", "differ in SWIFT"),
                ("runtime/include/echostream/limits.h", "max_inbox_bytes = 512", "max_post_bytes = 512",
                 "Limits.max_post_bytes cannot be"),
                ("runtime/include/echostream/loop.h", "Duration busy_poll{};", "Duration busy_poll{}, more{};",
                 "LoopOptions"),
                (schema, "  // Given, even if empty: this node and those of its peers that do the same agree on one clock.\n",
                 "", "NodeConfig.shared_clock has no comment")]:
            code, output = run("check_config.py", self.tree(path, old, new))
            self.assertEqual(code, 1, f"{new} passed: {output}")
            self.assertIn(complaint, output)

    def test_refuses_a_page_that_is_not_made_of_the_schema(self):
        root = self.tree("idl/echostream/config.proto", "// Whom to dial.", "// Whom to call.")
        code, output = run("config_reference.py", "--check", root)
        self.assertEqual(code, 1)
        self.assertIn("run tools/config_reference.py", output)
        self.assertEqual(run("config_reference.py", root)[0], 0)
        self.assertEqual(run("config_reference.py", "--check", root)[0], 0)


class Layers(unittest.TestCase):
    def check(self, path, text):
        tree = Tree(self)
        tree.add(path, text)
        return run("check_layers.py", tree.root)

    def test_accepts_what_a_layer_may_include(self):
        for path, header in [("runtime/core/a.cc", '"runtime/core/a.h"'),
                             ("runtime/core/a.cc", "<vector>"),
                             ("runtime/transport/a.cc", "<ngtcp2/ngtcp2.h>"),
                             ("runtime/loop/uv/a.cc", "<uv.h>"),
                             ("runtime/core/a_test.cc", "<gtest/gtest.h>"),
                             ("examples/hello/a.cc", '"echostream/node.h"')]:
            code, output = self.check(path, f"#include {header}\n")
            self.assertEqual(code, 0, f"{path} {header}: {output}")

    def test_refuses_each_forbidden_direction(self):
        for path, header in [("runtime/core/a.cc", "<uv.h>"),
                             ("runtime/core/a.cc", "<ngtcp2/ngtcp2.h>"),
                             ("runtime/core/a.cc", "<openssl/ssl.h>"),
                             ("runtime/core/a.cc", "<google/protobuf/message_lite.h>"),
                             ("runtime/core/a.cc", "<random>"),
                             ("runtime/core/a.cc", "<thread>"),
                             ("runtime/core/a.cc", "<sys/socket.h>"),
                             ("runtime/core/a.cc", '"runtime/transport/quic_connection.h"'),
                             ("runtime/core/a.cc", '"echostream/node.h"'),
                             ("runtime/transport/a.cc", '"runtime/core/session/session.h"'),
                             ("runtime/transport/a.cc", '"echostream/loop.h"'),
                             ("runtime/transport/a.cc", "<uv.h>"),
                             ("runtime/loop/uv/a.cc", '"runtime/core/frame/frames.h"'),
                             ("runtime/loop/uv/a.cc", "<ngtcp2/ngtcp2.h>"),
                             ("runtime/api/a.cc", "<uv.h>"),
                             ("runtime/api/a.cc", "<ngtcp2/ngtcp2.h>"),
                             ("runtime/api/a.cc", '"runtime/loop/uv/uv_loop.h"'),
                             ("runtime/include/echostream/a.h", '"runtime/core/session/session.h"'),
                             ("runtime/include/echostream/a.h", "<uv.h>"),
                             ("runtime/include/echostream/base/a.h", '"echostream/node.h"'),
                             ("compiler/emit/a.cc", "<google/protobuf/descriptor.h>"),
                             ("compiler/model/a.cc", '"compiler/emit/emitter.h"'),
                             ("compiler/plugin/a.cc", '"echostream/node.h"'),
                             ("examples/hello/a.cc", '"runtime/core/session/session.h"'),
                             ("examples/hello/a.cc", '"echostream/internal/call_state.h"')]:
            code, output = self.check(path, f"// one line\n#include {header}\n")
            self.assertEqual(code, 1, f"{path} {header} passed: {output}")
            self.assertIn(f"{path}:2: ", output)
            self.assertIn(header.strip('<>"'), output)

    def test_refuses_a_folder_that_it_does_not_know(self):
        code, output = self.check("runtime/newlayer/a.cc", "int a;\n")
        self.assertEqual(code, 1)
        self.assertIn("lies in no layer", output)

    def test_exceptions_hold_for_their_file_alone(self):
        self.assertEqual(self.check("runtime/transport/pem.cc", "#include <fcntl.h>\n")[0], 0)
        self.assertEqual(self.check("runtime/transport/endpoint.cc", "#include <fcntl.h>\n")[0], 1)
        self.assertEqual(self.check("runtime/transport/pem.cc", "#include <sys/socket.h>\n")[0], 1)

    def test_an_empty_tree_is_an_error(self):
        code, _ = run("check_layers.py", Tree(self).root)
        self.assertEqual(code, 2)


class Sizes(unittest.TestCase):
    def check(self, name, lines):
        tree = Tree(self)
        tree.add(f"runtime/base/{name}", "int a;\n" * lines)
        return run("check_sizes.py", tree.root)

    def test_limit(self):
        self.assertEqual(self.check("a.cc", 700)[0], 0)
        code, output = self.check("a.cc", 701)
        self.assertEqual(code, 1)
        self.assertIn("runtime/base/a.cc:1: 701 lines", output)

    def test_lists_what_is_above_its_guide(self):
        self.assertNotIn("note:", self.check("a.cc", 400)[1])
        self.assertIn("note: runtime/base/a.cc has 401 lines", self.check("a.cc", 401)[1])
        self.assertIn("note: runtime/base/a.h has 201 lines", self.check("a.h", 201)[1])


class Awaits(unittest.TestCase):
    def check(self, statement):
        tree = Tree(self)
        tree.add("runtime/base/types.h",
                 "struct Safe {\n  int known = 0;\n};\nstatic_assert(kSafeInAwait<Safe>);\n"
                 "struct Heavy {\n  std::string text;\n};\n")
        tree.add("runtime/base/a.cc", "Task<int> f() {\n  " + statement + "\n}\n")
        return run("check_awaits.py", tree.root)

    def test_accepts_what_both_compilers_get_right(self):
        for statement in ["auto reply = co_await call(request);",
                          "while (auto frame = co_await reader.next()) use(frame->message);",
                          "if (auto reply = co_await f(); reply.has_value()) g();",
                          "if (const Status status = co_await f(); !status.is_ok()) g();",
                          "co_await out.write(frame, {.known = 1});",
                          "co_await f(Safe{1});",
                          "co_await f(std::string{text});",
                          "co_await f([] { return 1; });",
                          "co_await f([&] { return 1; });",
                          "co_await f([this, &a]() -> int { if (a) { return 1; } return 2; });",
                          "co_await f(values[index]);",
                          "for (const auto& x : co_await f()) g(x);",
                          "auto heavy = Heavy{text}; co_await f(std::move(heavy));",
                          "const auto each = [](int a) -> Task<int> { co_return co_await f(a); };",
                          "if (ready) { co_await f(); } else { co_await g(); }",
                          "co_await f(\"{.text = s}\");  // co_await f(Heavy{s}), if (co_await g())",
                          "co_await f(Heavy{s});  // check_awaits: only to show the syntax",
                          "switch (a) { case Kind::kOne: { auto b = co_await f(); g(b); } }",
                          "co_await f({}, Heavy{});",
                          "Awaiter operator co_await() { return {a, b}; }"]:
            code, output = self.check(statement)
            self.assertEqual(code, 0, f"{statement}: {output}")

    def test_finds_what_gcc_12_miscompiles(self):
        for statement, message in [
                ("co_await f(Heavy{text});", "may build an aggregate"),
                ("co_await f({.text = s});", "may build an aggregate"),
                ("co_await f({s});", "may build an aggregate"),
                ("co_await f(std::array<std::string, 2>{a, b});", "may build an aggregate"),
                ("auto x = co_await f(\n      1,\n      Heavy{text});", "may build an aggregate"),
                ("co_await f([s] { return s; });", "a lambda that may own"),
                ("co_await f([&a, p = std::move(p)] { g(p); });", "a lambda that may own"),
                ("co_await f([=] { return s; });", "a lambda that may own"),
                ("Heavy x{g(), co_await f()};", "inside a braced initialiser"),
                ("T x{Heavy{}, co_await f()};", "inside a braced initialiser"),
                ("x = {co_await f()};", "inside a braced initialiser"),
                ("if (co_await f()) g();", "in the condition of if"),
                ("if (!(co_await f()).is_ok()) g();", "in the condition of if"),
                ("if (a == co_await f()) g();", "in the condition of if"),
                ("while (co_await f()) g();", "in the condition of while"),
                ("switch (co_await f()) { default: break; }", "in the condition of switch"),
                ("for (int i = 0; i < co_await f(); ++i) g();", "in the condition of for"),
                ("if (auto a = 1; co_await f()) g();", "in the condition of if")]:
            code, output = self.check(statement)
            self.assertEqual(code, 1, f"not found: {statement}")
            self.assertIn(message, output)
            self.assertIn("runtime/base/a.cc:", output)


class Format(unittest.TestCase):
    def setUp(self):
        if shutil.which(os.environ.get("CLANG_FORMAT", "clang-format")) is None:
            self.skipTest("clang-format is not installed")
        self.tree = Tree(self)
        self.tree.add(".clang-format", "BasedOnStyle: Google\n")

    def test_accepts_and_refuses(self):
        self.tree.add("runtime/base/a.cc", "int f() { return 1; }\n")
        self.assertEqual(run("check_format.sh", self.tree.root)[0], 0)
        self.tree.add("runtime/base/b.cc", "int  f( ) {return 1;}\n")
        code, output = run("check_format.sh", self.tree.root)
        self.assertEqual(code, 1)
        self.assertIn("runtime/base/b.cc:1", output)

    def test_fix_mends(self):
        self.tree.add("runtime/base/b.cc", "int  f( ) {return 1;}\n")
        self.assertEqual(run("check_format.sh", "--fix", self.tree.root)[0], 0)
        self.assertEqual(run("check_format.sh", self.tree.root)[0], 0)


class CoreSymbols(unittest.TestCase):
    def archive(self, source, name="a.cc"):
        tree = Tree(self)
        path = tree.add(name, source)
        compiler = os.environ.get("CXX", "c++")
        subprocess.run([compiler, "-std=c++20", "-c", path, "-o", os.path.join(tree.root, name + ".o")], check=True, timeout=60)
        archive = os.path.join(tree.root, "lib.a")
        subprocess.run(["ar", "rcs", archive, os.path.join(tree.root, name + ".o")], check=True, timeout=60)
        return archive

    def test_accepts_a_pure_archive(self):
        pure = self.archive("#include <string>\nstd::string f(int a) { return std::to_string(a); }\n")
        code, output = run("check_core_symbols.sh", pure)
        self.assertEqual(code, 0, output)

    def test_finds_clock_chance_and_io(self):
        for source, symbol in [
                ("#include <chrono>\nauto f() { return std::chrono::steady_clock::now(); }", "steady_clock::now"),
                ("#include <chrono>\nauto f() { return std::chrono::system_clock::now(); }", "system_clock::now"),
                ("#include <random>\nauto f() { return std::random_device()(); }", "random_device"),
                ("#include <sys/socket.h>\nint f() { return socket(1, 1, 0); }", "socket"),
                ("#include <time.h>\nint f(timespec* t) { return clock_gettime(CLOCK_MONOTONIC, t); }",
                 "clock_gettime"),
                ("#include <cstdlib>\nauto f() { return std::getenv(\"HOME\"); }", "getenv"),
                ("#include <cstdio>\nauto f() { return std::fopen(\"a\", \"r\"); }", "fopen"),
                ("extern \"C\" int uv_run();\nint f() { return uv_run(); }", "uv_run")]:
            archive = self.archive(source + "\n")
            code, output = run("check_core_symbols.sh", archive)
            self.assertEqual(code, 1, f"not found: {symbol}")
            self.assertIn(symbol, output)
            pure = self.archive("#include <string>\nstd::string f(int a) { return std::to_string(a); }\n")
            self.assertEqual(run("check_core_symbols.sh", pure, archive)[0], 1, symbol)

    def test_exceptions_hold_for_their_symbol_in_their_file_alone(self):
        pure = self.archive("#include <string>\nstd::string f(int a) { return std::to_string(a); }\n")
        reads = "#include <cstdlib>\nauto f() { return std::getenv(\"SSL_CERT_FILE\"); }\n"
        opens = "#include <cstdio>\nauto f() { return std::fopen(\"a\", \"r\"); }\n"
        self.assertEqual(run("check_core_symbols.sh", pure, self.archive(reads, "trust.cc"))[0], 0)
        self.assertEqual(run("check_core_symbols.sh", pure, self.archive(reads, "endpoint.cc"))[0], 1)
        self.assertEqual(run("check_core_symbols.sh", pure, self.archive(opens, "trust.cc"))[0], 1)
        self.assertEqual(run("check_core_symbols.sh", self.archive(reads, "trust.cc"))[0], 1)

    def test_only_transport_may_call_quic_and_tls(self):
        quic = self.archive("extern \"C\" int ngtcp2_settings();\nint f() { return ngtcp2_settings(); }\n")
        pure = self.archive("#include <string>\nstd::string f(int a) { return std::to_string(a); }\n")
        self.assertEqual(run("check_core_symbols.sh", quic)[0], 1)
        self.assertEqual(run("check_core_symbols.sh", pure, quic)[0], 0)


if __name__ == "__main__":
    unittest.main()
