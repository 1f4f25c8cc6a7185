"""No indirect call in the loops of three chains: generated_code_test.py OBJECT [OBJDUMP]"""
import re
import subprocess
import sys


def functions(listing):
    """Name and instructions of each function in objdump's listing."""
    name, body = None, []
    for line in listing.splitlines():
        head = re.match(r"^[0-9a-f]+ <(.+)>:$", line)
        if head:
            if name:
                yield name, body
            name, body = head[1], []
        elif name:
            body.append(line)
    if name:
        yield name, body


def main(path, objdump="objdump"):
    listing = subprocess.run([objdump, "-dC", "--no-show-raw-insn", path], check=True, capture_output=True, text=True).stdout
    loops, bad = 0, 0
    for name, body in functions(listing):
        if not re.search(r"sidestep::detail::(Fused|Part|Segment)<.*>::run\(", name) or "[clone .cold]" in name:
            continue
        loops += name.startswith("sidestep::detail::Fused<") or "::Fused<" in name.split("(")[0]
        for line in body:
            if re.search(r"\b(call|jmp|callq|jmpq)\s+\*", line):
                print(f"an indirect call in {name[:100]}...: {line.strip()}")
                bad += 1
    print(f"{loops} chains, {bad} indirect calls in their loops")
    return loops != 3 or bad > 0


sys.exit(main(*sys.argv[1:]))
