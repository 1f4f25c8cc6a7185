"""The marble diagrams in the operators' doc comments: each is a test, a picture and a paragraph of docs/operators.md.

  marbles.py --test FILE    writes the C++ test that runs every diagram, but for those of decide
  marbles.py --test-decisions FILE    writes the one that runs these
  marbles.py --write        writes docs/marbles/*.svg, the reference in docs/operators.md and the pages of `sidestep operators`
  marbles.py --check        exit 1 if --write would change anything

A diagram stands in the doc comment of what it explains: one or two inputs (in; or a, b), an expression, what comes out.

  ///   in   --1--2--3--4--|
  ///   take(2)
  ///   out  --1--2|            then words, if they help

A digit is an event, `|` the end, `#` an error, one character 1 ns. What happens at once stands side by side.
"""
import html
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- begin: written by docs/marbles.py -->", "<!-- end -->"

# In the order of the page. A header whose name isn't its operators' lists them.
GROUPS = {
    "Pick": ["filter", "every", "first", "last", "element_at", "take", "take_last", "take_while", "take_until", "skip", "skip_while",
             "skip_last", "distinct", "distinct_until_changed", "of_type", "ignore_elements"],
    "Change": ["map", "scan", "reduce", "pairwise", "tap", "start_with", "default_if_empty", "timestamp", "time_interval",
               "materialize", "dematerialize"],
    "Window": ["window", "sliding_time_window", "session_window", "window_by", "window_until", "buffer"],
    "Statistics": ["count", "mean", "sum", "variance", "extremes", "quantile", "histogram", "rate", "slope", "plateau", "stats", "ewma", "page_hinkley"],
    "Time": ["throttle", "sample", "debounce", "audit", "delay", "timeout", "rate_limit", "interval"],
    "Combine": ["merge", "merge_by_time", "zip", "combine_latest", "with_latest_from", "concat", "join", "take_until_chain", "skip_until"],
    "Split": ["group_by", "partition", "share", "replay"],
    "Errors and endings": ["catch_error", "on_error_continue", "on_error_resume", "finally", "completes"],
    "Threads and ends": ["observe_on", "probe", "subscribe", "collect", "to_metric", "to_log", "decide", "over"],
}
# Of those that don't stand in operators/: where.
PLACES = {"decide": "trainer/control/decide.hpp"}
# Nothing follows these: their tests look at what they leave behind.
ENDS = ["subscribe", "collect", "to_metric", "to_log"]

# What one writes, where that isn't the header's name.
TITLES = {"extremes": "min_of, max_of", "sliding_time_window": "window(sliding_time)", "session_window": "window(session)",
          "window_by": "window(by)", "window_until": "window(until)", "take_until_chain": "take_until(chain)"}
# Whatever else one may write in a pipeline, and whose page says what it is.
ALSO = {"filter": ["is_finite", "not_finite", "named"], "window": ["sliding", "time", "growing", "count"], "sliding_time_window": ["sliding_time"],
        "session_window": ["session"], "window_by": ["by"], "window_until": ["until"], "buffer": ["unbounded"],
        "variance": ["standard_deviation"], "extremes": ["min_of", "max_of"], "quantile": ["median", "p90", "p99"],
        "ewma": ["half_life"], "throttle": ["throttle_first", "throttle_both"], "sample": ["throttle_last"],
        "take_until_chain": ["take_until"], "group_by": ["at_most"], "observe_on": ["io", "compute"], "subscribe": ["saved"]}
# Pages that stand in trainer/command/operators.cpp: no diagram draws them.
ELSEWHERE = ["pure"]


class Diagram:
    def __init__(self, inputs, expression, output):
        self.inputs, self.expression, self.output = inputs, expression, output


class Operator:
    """What one header says: the words before its first diagram, its diagrams, the words behind."""

    def __init__(self, name):
        self.name = name
        text = (ROOT / PLACES.get(name, f"operators/{name}.hpp")).read_text()
        self.diagrams, self.says, self.more = [], "", ""
        for comment in re.findall(r"(?:^ *///.*\n)+", text, re.M):
            lines = [line.strip()[3:].removeprefix(" ") for line in comment.splitlines()]
            drawn = diagrams(lines)
            if not drawn:
                continue
            if not self.diagrams:
                self.says, self.more = words(lines)
            self.diagrams += drawn
        if not self.diagrams:
            sys.exit(f"{PLACES.get(name, f'operators/{name}.hpp')} has no marble diagram")


def diagrams(lines):
    found = []
    for i, line in enumerate(lines):
        first = re.match(r"  (in|a) +([-\d|#]+)$", line.rstrip())
        if not first:
            continue
        inputs = {first[1]: first[2]}
        at = i + 1
        while more := re.match(r"  ([bc]) +([-\d|#]+)$", lines[at].rstrip()):
            inputs[more[1]] = more[2]
            at += 1
        expression = ""
        while at < len(lines) and not re.match(r"  out +", lines[at]):
            if not lines[at].strip() or len(expression) > 400:
                expression = None
                break
            expression += " " + lines[at].strip()
            at += 1
        if expression is None or at == len(lines):
            continue
        output = re.match(r"  out +(\S+)", lines[at])
        found.append(Diagram(inputs, expression.strip(), output[1]))
    return found


def words(lines):
    """The paragraph before the first diagram, and those behind the last."""
    drawing = [i for i, line in enumerate(lines) if line.startswith("  ")]
    before = " ".join(line.strip() for line in lines[: drawing[0]]).strip()
    behind = "\n".join(line.strip() for line in lines[drawing[-1] + 1 :]).strip()
    return before, re.sub(r"\n(?!\n)", " ", behind)


def run(operator, diagram):
    """What runs a diagram, as an expression of C++."""
    names = list(diagram.inputs)
    parameters = ", ".join(f"[[maybe_unused]] auto {name}" for name in names)
    inputs = ", ".join(f'"{text}"' for text in diagram.inputs.values())
    if operator.name == "over":
        return f"drawn_range({inputs}, [](const auto& {names[0]}) {{ return {diagram.expression}; }})"
    if operator.name == "decide":
        return f"decided({inputs}, []({parameters}, Control& control) {{ return std::move({names[0]}) | {diagram.expression}; }})"
    if operator.name in ENDS:
        around = "[[maybe_unused]] Bus& bus, [[maybe_unused]] std::vector<double>& values, [[maybe_unused]] auto& write"
        return f"drawn_end({inputs}, []({parameters}, {around}) {{ return std::move({names[0]}) | {diagram.expression}; }})"
    if names == ["in"]:
        chain = f"std::move(in) | {diagram.expression}"
    else:
        chain = re.sub(rf"(?<![\w.>])({'|'.join(names)})(?![\w(])", r"std::move(\1)", diagram.expression)
    return f"drawn<{len(names)}>({{{inputs}}}, []({parameters}) {{ return {chain}; }})"


def test_text(operators, *includes):
    lines = [
        "// Written by docs/marbles.py: the diagrams of the doc comments, run.",
        *(f'#include "{include}"' for include in includes),
        "",
        "#include <gtest/gtest.h>",
        "",
        "namespace {",
        "using namespace sidestep;",
        "using namespace sidestep::test;",
        "using namespace std::chrono_literals;",
    ]
    for operator in operators:
        for number, diagram in enumerate(operator.diagrams, 1):
            lines += ["", f"TEST(Marbles, {operator.name}_{number}) {{", f'  EXPECT_EQ({run(operator, diagram)}, "{diagram.output}");', "}"]
    return "\n".join(lines) + "\n\n}  // namespace\n"


def tokens(marble):
    """(time, text) of each value and end; what stands for more than one character takes their room."""
    return [(match.start(), match[0]) for match in re.finditer(r"\[[^]]*\]|[|#]|[^-|#\[\]]+", marble)]


COLOURS = ["#4e79a7", "#f28e2b", "#59a14f", "#e15759", "#76b7b2", "#b07aa1", "#9c755f", "#edc948", "#ff9da7", "#79706e"]


def picture(diagram):
    step, row, left = 26, 46, 16
    rows = [*diagram.inputs.values(), None, diagram.output]
    longest = max(len(text) for text in rows if text)
    width, height = left * 2 + step * longest + 14, row * len(rows) + 8
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="13" text-anchor="middle">',
        f'<rect width="{width}" height="{height}" fill="#fff"/>',
    ]
    for i, text in enumerate(rows):
        y = 4 + row * i + row // 2
        if text is None:
            out.append(f'<rect x="{left}" y="{y - 15}" width="{width - 2 * left}" height="30" rx="4" fill="#f3f3f3" stroke="#888"/>')
            size = min(14, max(7, int(1.6 * (width - 2 * left) / max(1, len(diagram.expression)))))
            out.append(f'<text x="{width // 2}" y="{y + 5}" font-family="monospace" font-size="{size}">{html.escape(diagram.expression)}</text>')
            continue
        end = left + step * longest + 8
        out.append(f'<path d="M{left} {y}H{end}l-7 -4m7 4l-7 4" stroke="#333" fill="none"/>')
        for at, value in tokens(text):
            x = left + step * at + step // 2
            if value == "|":
                out.append(f'<path d="M{x} {y - 14}v28" stroke="#333" stroke-width="3"/>')
            elif value == "#":
                out.append(f'<path d="M{x - 8} {y - 8}l16 16m0 -16l-16 16" stroke="#c00" stroke-width="3"/>')
            else:
                colour = COLOURS[sum(map(ord, value)) % len(COLOURS)]
                out.append(f'<circle cx="{x}" cy="{y}" r="14" fill="{colour}"/>')
                size = 13 if len(value) < 3 else 10
                out.append(f'<text x="{x}" y="{y + 5}" fill="#fff" font-size="{size}">{html.escape(value)}</text>')
    return "\n".join(out) + "\n</svg>\n"


def picture_name(operator, number):
    return f"{operator.name}.svg" if number == 1 else f"{operator.name}_{number}.svg"


def page(groups):
    lines = [BEGIN, ""]
    for group, operators in groups.items():
        lines += [f"### {group}", ""]
        for operator in operators:
            lines += [f"#### {operator.name}", "", operator.says, ""]
            for number, diagram in enumerate(operator.diagrams, 1):
                lines += [f"![{operator.name}](marbles/{picture_name(operator, number)})", "", "```cpp", diagram.expression, "```", ""]
            if operator.more:
                lines += [operator.more, ""]
    return "\n".join(lines) + END + "\n"


def literal(text):
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def command_pages(groups):
    lines = [
        "// Written by docs/marbles.py from the operators' doc comments.",
        "#include <sidestep/trainer/command/operator_pages.hpp>",
        "",
        "namespace sidestep::command {",
        "",
        "// clang-format off",
        "const std::vector<OperatorPage>& operator_pages() {",
        "  static const std::vector<OperatorPage> pages{",
    ]
    for group, operators in groups.items():
        for operator in operators:
            drawn = []
            for diagram in operator.diagrams:
                drawn += [f"  {name:<4} {text}" for name, text in diagram.inputs.items()]
                drawn += [f"  {diagram.expression}", f"  out  {diagram.output}", ""]
            title, also = TITLES.get(operator.name, operator.name), " ".join(ALSO.get(operator.name, []))
            lines.append(f"      {{{literal(group)}, {literal(operator.name)}, {literal(title)}, {literal(also)}, {literal(operator.says)}, {literal(chr(10).join(drawn))}, {literal(operator.more)}}},")
    return "\n".join(lines) + "\n  };\n  return pages;\n}\n// clang-format on\n\n}  // namespace sidestep::command\n"


def without_a_page(groups):
    """What the table of docs/operators.md writes in a pipeline, and no page is found for."""
    pages = {name for operators in groups.values() for operator in operators for name in [operator.name, *ALSO.get(operator.name, [])]}
    found = set()
    for row in re.findall(r"^\| (`.*)$", (ROOT / "docs" / "operators.md").read_text().split("## Each by its picture")[0], re.M):
        written, means = re.split(r" (?<!\\)\| ", row)[:2]
        arguments = {"true", *re.findall(r"\w+", " ".join(re.findall(r"\(.*?\)", written)))}
        for code in re.findall(r"`([^`]+)`", f"{written} {means}"):
            found |= set(re.findall(r"(?<![\w.:&])([a-z]\w+)(?=[(<])", code))
            found |= {code} - arguments if re.fullmatch(r"[a-z]\w+", code) else set()
    return sorted(found - pages - set(ELSEWHERE))


def written(groups):
    """What --write writes: path and content."""
    files = {}
    for operators in groups.values():
        for operator in operators:
            for number, diagram in enumerate(operator.diagrams, 1):
                files[ROOT / "docs" / "marbles" / picture_name(operator, number)] = picture(diagram)
    docs = ROOT / "docs" / "operators.md"
    text = docs.read_text()
    if BEGIN not in text or END not in text:
        sys.exit(f"docs/operators.md lacks the line '{BEGIN}' or '{END}'")
    before, rest = text.split(BEGIN)
    files[docs] = before + page(groups) + rest.split(END)[1].removeprefix("\n")
    files[ROOT / "trainer" / "command" / "operator_pages.cpp"] = command_pages(groups)
    return files


def main(arguments):
    groups = {group: [Operator(name) for name in names] for group, names in GROUPS.items()}
    listed = {name for names in GROUPS.values() for name in names}
    for header in sorted((ROOT / "operators").glob("*.hpp")):
        if header.stem not in listed and diagrams([line.strip()[3:].removeprefix(" ") if line.strip().startswith("///") else "" for line in header.read_text().splitlines()]):
            sys.exit(f"operators/{header.name} has a marble diagram, and marbles.py lists it in no group")
    if strangers := without_a_page(groups):
        sys.exit(f"docs/operators.md speaks of {', '.join(strangers)}, and `sidestep operators` has no page: see ALSO in marbles.py")
    if arguments[:1] == ["--test"]:
        here = [o for operators in groups.values() for o in operators if o.name not in PLACES]
        pathlib.Path(arguments[1]).write_text(test_text(here, "operators/drawn.hpp", "operators/drawn_end.hpp"))
        return 0
    if arguments[:1] == ["--test-decisions"]:
        there = [o for operators in groups.values() for o in operators if o.name in PLACES]
        pathlib.Path(arguments[1]).write_text(test_text(there, "control/decided.hpp"))
        return 0
    stale = [(path, text) for path, text in written(groups).items() if not path.exists() or path.read_text() != text]
    known = {path.name for path in written(groups)}
    extra = [path for path in (ROOT / "docs" / "marbles").glob("*.svg") if path.name not in known]
    if arguments == ["--check"]:
        for path in [p for p, _ in stale] + extra:
            print(f"{path.relative_to(ROOT)} isn't what the doc comments say: run docs/marbles.py --write")
        return bool(stale or extra)
    if arguments != ["--write"]:
        sys.exit(__doc__)
    for path, text in stale:
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    for path in extra:
        path.unlink()
    return 0


sys.exit(main(sys.argv[1:]))
