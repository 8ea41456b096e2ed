#!/usr/bin/env python3
"""Checks that everything settable in code is settable in a configuration file, and the reverse: each variable of the
options has its field in idl/echostream, each field its variable, and each enumerator its value.

  tools/check_config.py [<source root>]
"""

import os
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from proto_schema import SchemaError, read_config_schema
from source_files import read, without_comments_and_strings

INCLUDE = "runtime/include/echostream/"
# Header, class, message.
PAIRS = [
    (INCLUDE + "node.h", "NodeOptions", "NodeConfig"),
    (INCLUDE + "node.h", "SharedClockOptions", "SharedClockConfig"),
    (INCLUDE + "node_pool.h", "NodePoolOptions", "PoolConfig"),
    (INCLUDE + "limits.h", "Limits", "LimitsConfig"),
    (INCLUDE + "loop.h", "LoopOptions", "LoopConfig"),
    (INCLUDE + "http.h", "HttpOptions", "HttpConfig"),
    (INCLUDE + "persistent_session.h", "ReconnectOptions", "ReconnectConfig"),
    (INCLUDE + "connect_options.h", "ConnectOptions", "ConnectConfig"),
]
# Header, enum, message and its enum, values that the file has beside those of the code.
ENUMS = [
    (INCLUDE + "node.h", "CongestionControl", "NodeConfig", "CongestionControl", set()),
    (INCLUDE + "node.h", "AddressValidation", "NodeConfig", "AddressValidation", set()),
    (INCLUDE + "node.h", "LogLevel", "NodeConfig", "LogLevel", {"OFF"}),
    (INCLUDE + "security.h", "FirstUse", "KnownPeersConfig", "FirstUse", set()),
]
# Messages of plugins whose class is not called after them; the others are XSettings for XOptions or X.
PLUGIN_CLASSES = {
    "AuthTokenSettings.StaticToken": None,  # where the token is, instead of the token
    "AuthTokenSettings.Key": None,          # the same
    "AuthTokenSettings.Allow": None,        # AuthRule.allow_...
    "AuthTokenSettings.Rule": None,         # AuthRule, with Allow
    "AuthTokenSettings.Send": None,         # AuthTokenOptions.send...
    "RateLimitSettings.Rule": "RateRule",
}
# What a file cannot hold, each with its reason.
CODE_ONLY = {
    "NodeOptions.key_log_file": "secrets: never by a file that is copied to production",
    "NodeOptions.log": "a function; node.log_level makes one",
    "NodeOptions.on_session": "a function",
    "NodeOptions.on_session_closed": "a function",
    "AuthTokenOptions.send_for": "AuthTokenSettings.Send",
    "AuthTokenOptions.send_to": "AuthTokenSettings.Send",
    "AuthTokenOptions.send_to_unverified_peers": "AuthTokenSettings.Send",
    "AuthTokenOptions.refresh_before": "AuthTokenSettings.Send",
    "AuthTokenOptions.fetch_timeout": "for a TokenSource that waits; files do not",
    "MetricsOptions.registry": "an object; one is made for plugins of the same settings",
    "ReconnectOptions.on_state_change": "a function",
    "NodePoolOptions.loop": "Config.loop",
    "NodePoolOptions.node": "Config.node",
}
# What code has other means for.
FILE_ONLY = {
    "MetricsSettings.handling_buckets_us": "an argument of MetricsRegistry",
    "MetricsSettings.max_connections": "MetricsListenOptions",
    "MetricsSettings.request_timeout_ms": "MetricsListenOptions",
    "NodeConfig.log_level": "NodeOptions::log does with each line what it likes",
}
# A duration is written with its unit, what is read from a file with the file's name.
SUFFIXES = ["", "_ms", "_us", "_file", "_files"]


def body_of(text, name):
    """What stands between the braces of a class, struct or enum."""
    found = re.search(r"\b(?:class|struct|enum class)\s+" + name + r"\b[^;{]*\{", text)
    if found is None:
        return None
    depth = 1
    for at in range(found.end(), len(text)):
        depth += (text[at] == "{") - (text[at] == "}")
        if depth == 0:
            return text[found.end():at]
    return None


def variables_of(body):
    """The names of the member variables."""
    # Bodies of functions and initialisers in braces, and arguments, hold no member.
    previous = None
    while previous != body:
        previous = body
        body = re.sub(r"\{[^{}]*\}", " @ ", body)
    names = []
    for statement in re.split(r";|(?<=\))\s*@|@\s*(?=\n)", body):
        statement = re.sub(r"\b(public|private|protected):", " ", statement)
        statement = " ".join(statement.split("=")[0].replace("@", " ").split())
        found = re.fullmatch(r"(?!using |friend |static |enum |class |struct |explicit |return )(.+[\s>*&])(\w+)",
                             statement)
        if found is not None and not re.search(r"\)\s*(const|noexcept)?$", statement):
            names.append(found.group(2))
    return names


def enumerators_of(body):
    names = [part.split("=")[0].strip() for part in body.split(",")]
    return [re.sub(r"(?<!^)(?=[A-Z])", "_", name[1:]).upper() for name in names if name]


def check_pair(text, where, class_name, message, problems):
    body = body_of(text, class_name)
    if body is None:
        return problems.append(f"{where}: has no {class_name}; change PAIRS in tools/check_config.py")
    fields = {field.name for field in message.fields}
    claimed = set()
    for variable in variables_of(body):
        name = f"{class_name}.{variable}"
        has = {variable + suffix for suffix in SUFFIXES} & fields
        claimed |= has
        if has and name in CODE_ONLY:
            problems.append(f"{where}: {name} is in CODE_ONLY of tools/check_config.py, but has its field")
        if not has and name not in CODE_ONLY:
            problems.append(f"{where}: {name} cannot be set in a configuration: add a field to {message.name} in "
                            "idl/echostream (and to runtime/config), or to CODE_ONLY in tools/check_config.py")
    for field in sorted(fields - claimed):
        if f"{message.name}.{field}" not in FILE_ONLY:
            problems.append(f"{where}: {class_name} has nothing for the field {message.name}.{field}")


def check(root):
    problems = []
    messages, plugins = read_config_schema(root)
    known = {message.name: message for message in messages}
    texts = {}

    def text_of(path):
        if path not in texts:
            texts[path] = without_comments_and_strings(read(root, path))
        return texts[path]

    for path, class_name, message in PAIRS:
        check_pair(text_of(path), path, class_name, known[message], problems)
    for path, enum, message, name, more in ENUMS:
        code = set(enumerators_of(body_of(text_of(path), enum)))
        schema = {value for value, _ in known[message].enums[name].values}
        if code | more != schema:
            problems.append(f"{path}: {enum} and {message}.{name} differ in {', '.join(sorted((code | more) ^ schema))}")
    for plugin, plugin_messages in plugins.items():
        check_plugin(root, plugin, plugin_messages, text_of, problems)
    for message in messages + [message for each in plugins.values() for message in each]:
        for field in message.fields:
            if not field.comment:
                problems.append(f"idl/echostream: {message.name}.{field.name} has no comment")
    return problems


def check_plugin(root, plugin, messages, text_of, problems):
    """XSettings stands for the class XOptions or X of the plugin's header."""
    path = f"runtime/plugins/include/echostream/plugins/{plugin}.h"
    if not os.path.exists(os.path.join(root, path)):
        problems.append(f"idl/echostream/plugins/{plugin}.proto: there is no {path}")
        return
    for message in messages:
        stem = re.sub(r"Settings$", "", message.name)
        classes = [stem + "Options", stem]
        if message.name in PLUGIN_CLASSES:
            classes = [PLUGIN_CLASSES[message.name]]
        found = [name for name in classes if name is not None and body_of(text_of(path), name) is not None]
        if found:
            check_pair(text_of(path), path, found[0], message, problems)
        elif classes != [None]:
            problems.append(f"{path}: has no class for {message.name}; see PLUGIN_CLASSES in tools/check_config.py")


def main(arguments):
    root = arguments[0] if arguments else os.path.join(os.path.dirname(__file__), "..")
    try:
        problems = check(root)
    except (OSError, SchemaError) as error:
        problems = [str(error)]
    print("\n".join(problems) if problems else "check_config: code and configuration can set the same")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
