"""Medians, ratios and targets, as a table for people and as a document for programs."""

import statistics

OURS = "echostream"


def ratios(values, first, other):
    """Round by round, so that a drift of the machine falls out."""
    return [a / b for a, b in zip(values.get(first, []), values.get(other, [])) if b > 0]


def describe_ratio(of_rounds):
    return {"median": statistics.median(of_rounds), "least": min(of_rounds), "most": max(of_rounds)}


def summarise(outcome):
    """By figure: every value, the medians, EchoStream's ratio to each other system, and how the targets stand."""
    summary = {}
    for figure in outcome.figures:
        values = outcome.values[figure.key]
        medians = {name: statistics.median(of_rounds) for name, of_rounds in values.items() if of_rounds}
        pairs = {name: ratios(values, OURS, name) for name in values if name != OURS}
        summary[figure.key] = {
            "title": figure.title.strip(),
            "metric": figure.metric,
            "values": values,
            "medians": medians,
            "ratios": {name: describe_ratio(pair) for name, pair in pairs.items() if pair},
        }
        for kind in ("must", "aim"):
            summary[figure.key][kind] = [
                judge(target, figure, summary, outcome.values) for target in getattr(figure, kind)
            ]
    return summary


def judge(target, figure, summary, values):
    """Whether EchoStream reaches the target, and by how much it falls short of it: 0.1 is a tenth of the target."""
    entry = summary[figure.key]
    reached = None
    if target.system is not None:
        if target.system in entry["ratios"]:
            reached = entry["ratios"][target.system]["median"]
    elif target.figure is not None:
        pair = ratios({OURS: values[figure.key].get(OURS, []), "base": values[target.figure].get(OURS, [])}, OURS, "base")
        reached = statistics.median(pair) if pair else None
    elif OURS in entry["medians"]:
        reached = entry["medians"][OURS] * figure.scale
    result = {"target": str(target)}
    if reached is not None:
        short = reached / target.limit - 1 if target.at_most else 1 - reached / target.limit
        result |= {"reached": reached, "met": short <= 0, "short_by": max(short, 0.0)}
    return result


def verdict(result):
    if "met" not in result:
        return "not measured"
    return "met" if result["met"] else f"SHORT BY {100 * result['short_by']:.0f} %"


def print_medians(figures, summary, systems):
    shown = [system for system in systems if any(system.name in summary[figure.key]["medians"] for figure in figures)]
    print(f"\n{'':44}" + "".join(f"{system.title:>18}" for system in shown))
    for figure in figures:
        line = f"{figure.title:44}"
        for system in shown:
            median = summary[figure.key]["medians"].get(system.name)
            text = "-" if median is None else f"{median * figure.scale:,.{figure.digits}f} {figure.unit}"
            line += f"{text:>18}"
        print(line)


def print_targets(figures, summary, systems):
    compared = [system for system in systems if system.name in ("grpc", "ngtcp2")]
    head = f"\n{'EchoStream is, and is to be':44}"
    print(head + "".join(f"{'x ' + system.title:>26}" for system in compared) + "   targets")
    for figure in figures:
        entry = summary[figure.key]
        line = f"{figure.title:44}"
        for system in compared:
            ratio = entry["ratios"].get(system.name)
            text = "-" if ratio is None else f"{ratio['median']:.3g} ({ratio['least']:.3g} .. {ratio['most']:.3g})"
            line += f"{text:>26}"
        results = [f"{result['target']}: {verdict(result)}" for result in entry["must"]]
        results += [f"aim {result['target']}: {verdict(result)}" for result in entry["aim"]]
        print((line + "   " + "; ".join(results)).rstrip())
