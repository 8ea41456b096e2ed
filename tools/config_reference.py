#!/usr/bin/env python3
"""Writes the tables of docs/configuration.md from the comments of the schema in idl/echostream.

  tools/config_reference.py [--check] [<source root>]

With --check nothing is written: exit code 1 says that the page is not what the schema makes of it.
"""

import os
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from proto_schema import Enum, SchemaError, read_config_schema, resolve

PAGE = "docs/configuration.md"
BEGIN = "<!-- Made by tools/config_reference.py from idl/echostream/*.proto. Change the comments there. -->\n"
END = "<!-- End of what is made. -->\n"
SCALARS = {
    "string": "text", "bool": "true or false", "double": "number", "float": "number",
    "int32": "whole number", "int64": "whole number", "uint32": "whole number", "uint64": "whole number",
    "google.protobuf.Struct": "any JSON object",
}


def cell(text):
    return " ".join(text.split()).replace("|", "\\|")


def anchor(name):
    return f"[{name}](#{name.lower().replace('.', '')})"


def type_text(field, message, known):
    name = resolve(field.kind, message, known)
    if isinstance(known.get(name), Enum):
        text = ", ".join(f"`{value}`" for value, _ in known[name].values)
    elif name is not None:
        text = anchor(name)
    else:
        text = SCALARS.get(field.kind, f"`{field.kind}`")
    return ("list of " + text) if field.label == "repeated" else text


def range_text(settings):
    least, most = settings.get("at_least"), settings.get("at_most")
    text = ""
    if least is not None and most is not None:
        text = f"{least} to {most}"
    elif least is not None:
        text = f"from {least}"
    elif most is not None:
        text = f"up to {most}"
    return text + (", or 0" if settings.get("or_zero") == "true" and text else "")


def meaning(field, message, known):
    text = field.comment
    name = resolve(field.kind, message, known)
    if isinstance(known.get(name), Enum):
        for value, about in known[name].values:
            text += f" `{value}`: {about}" if about else ""
    return text


def section(message, known):
    lines = [f"### {message.name}", ""]
    if message.comment:
        lines += [cell(message.comment), ""]
    lines += ["| field | what it takes | default | range | |", "|---|---|---|---|---|"]
    for field in message.fields:
        default = field.settings.get("default_value", "")
        lines.append(f"| `{field.name}` | {type_text(field, message, known)} | {f'`{default}`' if default else ''} | "
                     f"{range_text(field.settings)} | {cell(meaning(field, message, known))} |")
    return lines + [""]


def render(root):
    messages, plugins = read_config_schema(root)
    everything = messages + [message for name in plugins for message in plugins[name]]
    known = {message.name: message for message in everything}
    for message in everything:
        known.update({f"{message.name}.{name}": enum for name, enum in message.enums.items()})
    lines = []
    for message in everything:
        lines += section(message, known)
    return "\n".join(lines)


def main(arguments):
    check = "--check" in arguments
    rest = [argument for argument in arguments if argument != "--check"]
    root = rest[0] if rest else os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
    path = os.path.join(root, PAGE)
    try:
        made = render(root)
        with open(path, encoding="utf-8") as file:
            page = file.read()
    except (OSError, SchemaError) as error:
        print(f"config_reference: {error}", file=sys.stderr)
        return 2
    if BEGIN not in page or END not in page.split(BEGIN, 1)[-1]:
        print(f"{PAGE}: has no place for the tables: the lines\n{BEGIN}{END}", file=sys.stderr)
        return 2
    before, rest = page.split(BEGIN, 1)
    wanted = before + BEGIN + "\n" + made + END + rest.split(END, 1)[1]
    if page == wanted:
        return 0
    if check:
        print(f"{PAGE}: its tables are not those of idl/echostream; run tools/config_reference.py")
        return 1
    with open(path, "w", encoding="utf-8") as file:
        file.write(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
