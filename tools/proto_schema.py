"""Reads the .proto files of the configuration: messages, enums and fields with their comments and settings. Knows as
much of the language as these files use."""

import os
import re

_TOKEN = re.compile(r'//[^\n]*|"(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*|-?\d+|[^\s\w]')


class Field:
    def __init__(self, name, kind, label, comment, settings, oneof):
        self.name = name
        self.kind = kind          # "uint64", "NodeConfig", "map<string, string>"
        self.label = label        # "optional", "repeated" or ""
        self.comment = comment
        self.settings = settings  # of (setting): {"default_value": "30000", "at_least": "0"}
        self.oneof = oneof


class Enum:
    def __init__(self, name, comment):
        self.name = name
        self.comment = comment
        self.values = []  # (name, comment)


class Message:
    """One that lies in another bears its name too: "RateLimitSettings.Rule"."""

    def __init__(self, name, comment):
        self.name = name
        self.comment = comment
        self.fields = []
        self.enums = {}


class SchemaError(Exception):
    pass


def resolve(kind, message, known):
    """The full name of a message or an enum that a field of `message` is of, as protobuf finds it; None: neither."""
    scope = message.name
    while scope:
        if f"{scope}.{kind}" in known:
            return f"{scope}.{kind}"
        scope = scope.rpartition(".")[0]
    return kind if kind in known else None


class _Parser:
    def __init__(self, path, text):
        self.path = path
        self.tokens = [(match.group(), text.count("\n", 0, match.start()) + 1) for match in _TOKEN.finditer(text)]
        self.at = 0
        self.messages = []

    def fail(self, problem):
        line = self.tokens[min(self.at, len(self.tokens) - 1)][1]
        raise SchemaError(f"{self.path}:{line}: {problem}")

    def comment(self):
        """The comment before the next token: its last block of lines that follow each other."""
        lines = []
        last = None
        while self.at < len(self.tokens) and self.tokens[self.at][0].startswith("//"):
            text, line = self.tokens[self.at]
            if last is not None and line != last + 1:
                lines = []
            lines.append(text[2:].strip())
            last = line
            self.at += 1
        # One that an empty line parts from what follows belongs to nothing.
        if last is not None and self.at < len(self.tokens) and self.tokens[self.at][1] != last + 1:
            lines = []
        return " ".join(lines)

    def peek(self):
        at = self.at
        while at < len(self.tokens) and self.tokens[at][0].startswith("//"):
            at += 1
        return self.tokens[at][0] if at < len(self.tokens) else ""

    def take(self, expected=None):
        self.comment()
        if self.at >= len(self.tokens):
            self.fail("the file ends too early")
        token = self.tokens[self.at][0]
        if expected is not None and token != expected:
            self.fail(f"'{expected}' was expected, not '{token}'")
        self.at += 1
        return token

    def skip_statement(self):
        depth = 0
        while True:
            token = self.take()
            depth += token in "{[" and token != ""
            depth -= token in "}]"
            if depth == 0 and token in (";", "}"):
                return

    def parse(self):
        while self.peek():
            comment = self.comment()
            if self.peek() == "message":
                self.message(comment)
            else:
                self.skip_statement()
        return self.messages

    def message(self, comment, outer=""):
        self.take("message")
        message = Message(outer + self.take(), comment)
        self.messages.append(message)
        self.take("{")
        self.members(message, None)

    def members(self, message, oneof):
        while self.peek() != "}":
            comment = self.comment()
            word = self.peek()
            if word == "oneof":
                self.take()
                name = self.take()
                self.take("{")
                self.members(message, name)
            elif word == "enum":
                enum = self.enum(comment)
                message.enums[enum.name] = enum
            elif word == "message":
                self.message(comment, message.name + ".")
            elif word in ("reserved", "option"):
                self.skip_statement()
            else:
                message.fields.append(self.field(comment, oneof))
        self.take("}")

    def enum(self, comment):
        self.take("enum")
        enum = Enum(self.take(), comment)
        self.take("{")
        while self.peek() != "}":
            about = self.comment()
            enum.values.append((self.take(), about))
            self.skip_statement()
        self.take("}")
        return enum

    def field(self, comment, oneof):
        label = self.take() if self.peek() in ("optional", "repeated") else ""
        kind = self.take()
        if kind == "map":
            self.take("<")
            kind = f"map<{self.take()}"
            self.take(",")
            kind += f", {self.take()}>"
            self.take(">")
        name = self.take()
        self.take("=")
        self.take()
        settings = {}
        if self.peek() == "[":
            settings = self.settings()
        self.take(";")
        return Field(name, kind, label, comment, settings, oneof)

    def settings(self):
        self.take("[")
        self.take("(")
        self.take("setting")
        self.take(")")
        self.take("=")
        self.take("{")
        settings = {}
        while self.peek() != "}":
            name = self.take()
            self.take(":")
            settings[name] = self.take().strip('"')
            if self.peek() in (",", ";"):
                self.take()
        self.take("}")
        self.take("]")
        return settings


def read_schema(path):
    with open(path, encoding="utf-8") as file:
        return _Parser(path, file.read()).parse()


def read_config_schema(root):
    """The messages of config.proto in order, and those of each plugin: ([...], {"metrics": [...]})."""
    folder = os.path.join(root, "idl", "echostream")
    plugins = {}
    plugin_folder = os.path.join(folder, "plugins")
    if os.path.isdir(plugin_folder):
        for name in sorted(os.listdir(plugin_folder)):
            if name.endswith(".proto"):
                plugins[name[:-len(".proto")]] = read_schema(os.path.join(plugin_folder, name))
    return read_schema(os.path.join(folder, "config.proto")), plugins
