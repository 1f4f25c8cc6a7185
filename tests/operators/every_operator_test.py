"""Every operator of the documentation stands in one of the chains of every_operator.cpp, but for those that end a chain."""
import ast
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
GROUPS = next(ast.literal_eval(node.value) for node in ast.parse((ROOT / "docs/marbles.py").read_text()).body
              if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "GROUPS")

ENDS = {"subscribe", "collect", "to_metric", "to_log", "decide", "over"}
WORDS = {"sliding_time_window": ["sliding_time"], "session_window": ["session"], "window_by": ["by"], "window_until": ["until"],
         "extremes": ["min_of", "max_of"], "variance": ["variance", "standard_deviation"], "take_until_chain": ["take_until(chain)"]}

text = (pathlib.Path(__file__).parent / "every_operator.cpp").read_text()
missing = [word for name in sum(GROUPS.values(), []) if name not in ENDS for word in WORDS.get(name, [name])
           if not re.search(rf"\b{re.escape(word)}(<\w+>)?[(\"]", text)]
if missing:
    sys.exit("not in a chain of tests/operators/every_operator.cpp: " + ", ".join(missing))
