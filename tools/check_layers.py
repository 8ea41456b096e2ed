#!/usr/bin/env python3
"""Checks who includes whom: docs/architecture.md, "Layers". System headers lie in one folder, so that the
compiler alone cannot hold these rules.

  tools/check_layers.py [<source root>]
"""

import re
import sys
import os

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from source_files import read, source_files

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

# Public headers by what they may be used from. Those of "base" need the standard library alone.
BASE = r"echostream/(base/.*|clock|jitter_buffer|limits|known_peers|metadata|method|peer_identity|socket_address|security)\.h"
LOOP = r"echostream/loop\.h"
PUBLIC = r"echostream/(?!testing/).*\.h"
TESTING = r"echostream/testing/.*\.h"
MESSAGES = r"google/protobuf/message_lite\.h"
UNIX = r"(unistd|fcntl|errno|signal|poll|netdb|time)\.h|(sys|netinet|arpa|net|linux)/.*\.h"

# Folder, and what its files may include beside the standard library and their own folder. The first folder
# that fits a file holds.
RULES = [
    ("runtime/include/echostream/base/", [r"echostream/base/.*"]),
    ("runtime/include/echostream/testing/", [PUBLIC]),
    ("runtime/include/echostream/", [PUBLIC, MESSAGES]),
    ("runtime/base/", [BASE, r"arpa/inet\.h"]),
    ("runtime/timing/", [BASE, r"runtime/base/.*"]),
    ("runtime/core/", [BASE, r"runtime/(base|timing)/.*"]),
    ("runtime/transport/", [BASE, r"runtime/base/.*", r"ngtcp2/.*", r"openssl/.*"]),
    ("runtime/http3/", [BASE, r"runtime/(base|transport)/.*", r"nghttp3/.*"]),
    ("runtime/http1/", [BASE, r"runtime/(base|transport|http3)/.*", r"llhttp\.h"]),
    ("runtime/gateway/protocol/", [BASE, r"runtime/base/.*", r"runtime/http3/fields\.h"]),
    ("runtime/loop/uv/", [BASE, LOOP, r"runtime/(base|loop)/.*", r"uv\.h", UNIX]),
    ("runtime/loop/", [BASE, LOOP, r"runtime/base/.*", r"runtime/loop/uv/make_.*", UNIX]),
    ("runtime/sim/", [BASE, LOOP, TESTING, r"runtime/base/.*"]),
    ("runtime/messages/", [BASE, r"google/protobuf/.*"]),
    ("runtime/api/", [PUBLIC, r"echostream/testing/memory_session\.h",
                      r"runtime/(base|timing|core|transport|messages)/.*", r"google/protobuf/.*"]),
    ("runtime/gateway/client/", [PUBLIC, r"runtime/(base|http3|transport|api)/.*"]),
    ("runtime/gateway/link/", [PUBLIC, r"runtime/(base|core|http1|http3|transport|api|messages|gateway)/.*", r"google/protobuf/.*"]),
    ("runtime/gateway/reflection/", [PUBLIC, r"runtime/(messages|gateway/json)/.*", r"google/protobuf/.*",
                                     r"grpc/reflection/.*"]),
    ("runtime/gateway/console/", [PUBLIC, r"runtime/api/session_state\.h", r"runtime/gateway/protocol/exchange\.h",
                                  r"runtime/http3/fields\.h"]),
    ("runtime/gateway/json/", [BASE, r"runtime/messages/.*", r"google/protobuf/.*"]),
    # Files of its own; descriptors, and messages by them.
    ("runtime/plugins/recorder/", [PUBLIC, r"google/protobuf/.*", r"(zstd|lz4frame)\.h", UNIX]),
    ("runtime/plugins/include/", [PUBLIC, r"prometheus/registry\.h"]),
    ("runtime/plugins/logging/", [PUBLIC, r"runtime/plugins/text/.*", r"spdlog/.*", UNIX]),
    ("runtime/plugins/metrics/", [PUBLIC, r"prometheus/.*", UNIX]),
    ("runtime/plugins/tracing/", [PUBLIC, r"runtime/plugins/text/.*", UNIX]),
    ("runtime/plugins/", [PUBLIC]),
    ("runtime/config/", [PUBLIC, r"runtime/messages/.*", r"google/protobuf/.*", r"built_in_plugins\.h"]),
    ("discovery/include/", [PUBLIC, TESTING]),
    ("discovery/avahi/", [PUBLIC, r"discovery/records/.*", r"avahi-(client|common)/.*", UNIX]),
    ("discovery/sim/", [PUBLIC, TESTING, r"discovery/records/.*"]),
    # The password-authenticated key exchange and HMAC of BoringSSL.
    ("discovery/pairing/", [PUBLIC, r"openssl/(curve25519|digest|hmac|mem|sha)\.h", r"echostream/pairing/v1/.*"]),
    ("discovery/", [PUBLIC, r"discovery/records/.*"]),
    ("compiler/model/", [r"google/protobuf/.*", r"echostream/options\.pb\.h"]),
    ("compiler/emit/", [r"compiler/model/service_model\.h"]),
    ("compiler/plugin/", [r"compiler/.*", r"google/protobuf/.*", r"unistd\.h"]),
    ("examples/", []),  # see problem_of()
    # Calls HTTP/3 servers, whose messages have header fields.
    ("tools/echostream/", [PUBLIC, r"runtime/(timing|gateway)/.*", r"runtime/http3/fields\.h", r"CLI/.*",
                           r"google/protobuf/.*"]),
    ("tests/", [r".*"]),
    ("bench/", [r".*"]),
]
# Single files that may include more, each with its reason.
EXCEPTIONS = {
    # Identity::from_pem_files() and its like: reads what the user names, when the user asks.
    "runtime/transport/pem.cc": [r"(fcntl|unistd)\.h", r"sys/stat\.h"],
    # make_file_ticket_cache(), make_file_known_peers(): the same.
    "runtime/api/shared_file.cc": [r"(fcntl|unistd)\.h", r"sys/(file|stat)\.h"],
    # load_plugin(): the same, and loads it.
    "runtime/api/plugin_loader.cc": [r"dlfcn\.h", r"unistd\.h", r"sys/stat\.h"],
    # Key logs and qlog traces: writes where the user says, when the user asks.
    "runtime/api/trace_file.cc": [r"(fcntl|unistd)\.h", r"sys/stat\.h"],
    # What is made of idl/grpc/health/v1/health.proto.
    "runtime/plugins/health/health.cc": [r"grpc/health/v1/.*"],
    # What is written as JSON is read by protobuf's reader.
    "runtime/plugins/logging/line_test.cc": [r"google/protobuf/.*"],
    "runtime/plugins/tracing/otlp_json_test.cc": [r"google/protobuf/.*"],
    # Configurations, and the files that they name.
    "runtime/config/file.cc": [r"(fcntl|unistd)\.h", r"sys/stat\.h"],
    # The environment.
    "runtime/config/config.cc": [r"unistd\.h"],
    # A server's tickets: one TLS context serves the connections of several threads.
    "runtime/transport/strike_register.h": [r"mutex"],
    "runtime/transport/ticket_keys.h": [r"mutex"],
    # Tokens: their hashes and signatures (BoringSSL, which the process holds anyway), the JSON in them,
    # and secrets in the files that the user names.
    "runtime/plugins/auth_token/crypto.cc": [r"openssl/.*"],
    "runtime/plugins/auth_token/json_object.cc": [r"nlohmann/json\.hpp"],
    "runtime/plugins/auth_token/secrets.cc": [r"(fcntl|unistd)\.h", r"sys/stat\.h"],
    "runtime/plugins/auth_token/secrets_test.cc": [r"(fcntl|unistd)\.h", r"sys/stat\.h"],
    # Makes certificates and looks at them.
    "tools/echostream/cert/create_command.cc": [r"runtime/transport/issue_certificate\.h"],
    "tools/echostream/cert/certificate_text.h": [r"runtime/transport/certificate_facts\.h"],
    # What is piped in.
    "tools/echostream/io/input_stream.cc": [r"(fcntl|unistd)\.h"],
    # Reads .proto files and descriptors as protoc-gen-echostream does.
    "tools/echostream/remote/model_schema.cc": [r"compiler/model/.*"],
    # Asks servers of others what they serve, and what their answers will take.
    "tools/echostream/remote/grpc_reflection.cc": [r"grpc/reflection/v1/.*"],
    "tools/echostream/remote/read_message.cc": [r"runtime/messages/decode_budget\.h"],
    # Speaks for a node that is another program.
    "tools/echostream/discovery/announce_command.cc": [r"discovery/(advertiser|records)/.*"],
    # The terminal, the machine's name, a key file.
    "tools/echostream/discovery/this_system.cc": [r"(fcntl|unistd)\.h", r"sys/ioctl\.h"],
    # ngtcp2 takes addresses as sockaddr.
    "runtime/transport/socket_path.h": [r"netinet/in\.h"],
    # Sockets for avahi's watches to watch.
    "discovery/avahi/loop_poll_test.cc": [r"unistd\.h", r"sys/socket\.h"],
    # The libraries that compress.
    "runtime/gateway/protocol/gzip.cc": [r"zlib\.h"],
    "runtime/plugins/compression/deflate_codec.cc": [r"zlib\.h"],
    "runtime/plugins/compression/zstd_codec.cc": [r"zstd\.h"],
    # Which methods are idempotent, for those that the configuration names.
    "runtime/plugins/retry/retry_rules.cc": [r"google/protobuf/descriptor\.h"],
}
# Tests beside the code may also use these.
TEST_ONLY = [r"g(test|mock)/.*", r"tests/support/.*", TESTING, PUBLIC, r"runtime/.*"]

# In core, transport and the gateway's protocol time and chance are arguments.
IMPURE = {
    "runtime/timing/": ["thread", "mutex", "condition_variable", "future", "random", "fstream",
                        "filesystem", "iostream", "ctime"],
    "runtime/core/": ["thread", "mutex", "condition_variable", "future", "random", "fstream",
                      "filesystem", "iostream", "ctime"],
    "runtime/transport/": ["thread", "mutex", "condition_variable", "future", "random", "fstream",
                           "filesystem", "iostream", "ctime"],
}
IMPURE["runtime/gateway/protocol/"] = IMPURE["runtime/core/"]
STANDARD = re.compile(r"[a-z_]+")
PRIVATE = re.compile(r"(runtime|compiler|discovery|tests|bench|tools)/|echostream/internal/|uv\.h|ngtcp2/|openssl/")


def rule_of(path):
    for folder, allowed in RULES:
        if path.startswith(folder):
            return folder, allowed
    return None, None


def problem_of(path, folder, allowed, header, quoted):
    """Why `path` must not include `header`; nothing when it may."""
    is_test = path.endswith(("_test.cc", "_test_support.h", "_test_support.cc"))
    may = EXCEPTIONS.get(path, [])
    if STANDARD.fullmatch(header):
        is_excepted = is_test or any(re.fullmatch(pattern, header) for pattern in may)
        if header in IMPURE.get(folder, []) and not is_excepted:
            return f"<{header}>: time, chance, threads and files are not for {folder}"
        return None
    if header.startswith(folder):
        return None
    if folder == "examples/":
        if PRIVATE.match(header):
            return f"{header} is private; examples use what users have"
        return None
    if folder.startswith("runtime/include/") and not quoted and header.startswith("echostream/"):
        return f"<{header}>: write it in quotes"
    patterns = allowed + may + (TEST_ONLY if is_test else [])
    if any(re.fullmatch(pattern, header) for pattern in patterns):
        return None
    return f"{header} is not among what {folder} may include"


def check(root):
    problems = []
    for path in source_files(root):
        folder, allowed = rule_of(path)
        if folder is None:
            problems.append(f"{path}:1: lies in no layer; add its folder to RULES in tools/check_layers.py")
            continue
        text = read(root, path)
        for match in INCLUDE.finditer(text):
            problem = problem_of(path, folder, allowed, match.group(2), match.group(1) == '"')
            if problem is not None:
                line = text.count("\n", 0, match.start()) + 1
                problems.append(f"{path}:{line}: {problem}")
    return problems


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..")
    files = source_files(root)
    if not files:
        print(f"check_layers: no source file below {root}", file=sys.stderr)
        return 2
    problems = check(root)
    print("\n".join(problems) if problems else f"check_layers: {len(files)} files, all within their layer")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
