"""Generates, or generates and compiles, a service of 600 methods, and prints what that takes.

  large_service.py --protoc <protoc> --plugin <plugin> generate
  large_service.py --protoc <protoc> --plugin <plugin> compile --include <dir> ... --compiler <c++> <flag> ...
"""

import argparse
import filecmp
import os
import resource
import subprocess
import sys
import tempfile
import time

METHODS = 600
FORMS = [  # request, reply, option
    ("Request", "Reply", "rpc { deadline_ms: 200 idempotent: true }"),
    ("Request", "google.protobuf.Empty", "event {}"),
    ("Request", "stream Reply", "event { keep_last: 1 }"),
    ("Request", "stream Reply", "stream { delivery: EXPIRING max_age_ms: 150 }"),
    ("stream Request", "Reply", "stream {}"),
    ("stream Request", "stream Reply", "stream { delivery: DATAGRAM }"),
]
OPTIONS_PROTO_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "idl")


def proto():
    """Half rpcs, the rest one of each form in turn; types of its own for every tenth method."""
    lines = ['syntax = "proto3";', "package acme.large.v1;", 'import "echostream/options.proto";',
             'import "google/protobuf/empty.proto";']
    for number in range(METHODS // 10):
        lines.append(f"message Request{number} {{ string name = 1; repeated int64 values = 2; }}")
        lines.append(f"message Reply{number} {{ string name = 1; map<string, bytes> parts = 2; }}")
    lines.append("service Large {")
    for number in range(METHODS):
        request, reply, option = FORMS[0 if number % 2 == 0 else 1 + number // 2 % (len(FORMS) - 1)]
        request = request.replace("Request", f"Request{number // 10}")
        reply = reply.replace("Reply", f"Reply{number // 10}")
        lines.append(f"  // Does what number {number} does.")
        lines.append(f"  rpc TheMethodOfNumber{number}({request}) returns ({reply}) {{")
        lines.append(f"    option (echostream.method) = {{ {option} }};")
        lines.append("  }")
    return "\n".join(lines) + "\n}\n"


def children():
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def timed(what, command):
    """Runs a command and prints its wall time, its CPU time, and the memory of the largest child so far."""
    started, cpu_before = time.monotonic(), children()[0]
    subprocess.run(command, check=True)
    cpu, mebibytes = children()
    print(f"{what}: {time.monotonic() - started:.2f} s, {cpu - cpu_before:.2f} s of CPU, "
          f"at most {mebibytes:.0f} MiB")


def generate(options, source, output):
    os.mkdir(output)
    timed("generate", [options.protoc, f"--plugin=protoc-gen-echostream={options.plugin}", f"-I{source}",
                       f"-I{OPTIONS_PROTO_DIR}", f"--echostream_out={output}", "large.proto"])


def generate_twice(options, scratch):
    first, second = os.path.join(scratch, "first"), os.path.join(scratch, "second")
    generate(options, scratch, first)
    generate(options, scratch, second)
    names = sorted(os.listdir(first))
    if names != ["large.echostream.cc", "large.echostream.h"] or names != sorted(os.listdir(second)):
        sys.exit(f"unexpected files: {names}")
    for name in names:
        print(f"{name}: {os.path.getsize(os.path.join(first, name))} bytes")
        if not filecmp.cmp(os.path.join(first, name), os.path.join(second, name), shallow=False):
            sys.exit(f"{name} differs between two runs")


def compile_it(options, scratch):
    subprocess.run([options.protoc, f"-I{scratch}", f"-I{OPTIONS_PROTO_DIR}", f"--cpp_out={scratch}",
                    "large.proto", "echostream/options.proto"], check=True)
    output = os.path.join(scratch, "out")
    generate(options, scratch, output)
    includes = [f"-I{scratch}", f"-I{output}", *(f"-I{folder}" for folder in options.include)]
    timed("compile large.echostream.cc", [*options.compiler, *includes, "-c",
                                          os.path.join(output, "large.echostream.cc"), "-o", os.devnull])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--protoc", required=True)
    parser.add_argument("--plugin", required=True)
    parser.add_argument("action", choices=["generate", "compile"])
    parser.add_argument("--include", nargs="*", default=[])
    parser.add_argument("--compiler", nargs=argparse.REMAINDER, default=[])
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="echostream-large-") as scratch:
        with open(os.path.join(scratch, "large.proto"), "w", encoding="utf-8") as file:
            file.write(proto())
        {"generate": generate_twice, "compile": compile_it}[options.action](options, scratch)


if __name__ == "__main__":
    main()
