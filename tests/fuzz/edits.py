"""Edits of made-up configurations, many more than CI has time for.

``python tests/fuzz/edits.py keepalived|haproxy COUNT [SEED]``

Each input is read, edited by each editor's own rules, and read again. What may come of it: a refusal (ValueError), or a
text that is the old one but for one piece, or for lines of its own, and that a second edit leaves as it is.
"""

import random
import sys
import time
from collections import Counter
from collections.abc import Callable

from trueup.edit import haproxy as haproxy_text
from trueup.edit import keepalived as keepalived_text

KEEPALIVED = [
    *("a", "b 1 2", "x {", "y z\n{", "}", "{", "vrrp_instance VI_1 {", "include f", "@c d", "$X=1", "$Y= \\\n", "${X}"),
    *(
        "\n",
        "\n",
        "\n",
        " ",
        "\t",
        "\r",
        '"',
        '"q {"',
        "'",
        "# c }",
        "! c {",
        "\\",
        "~SEQ(a, 1)",
        "é",
        "\x0c",
        "\u2028",
        "k v",
    ),
]
KEEPALIVED += ["x {\n  a\n}\n", "y z {\nn { b 1 2 }\n}\n", "vrrp_instance VI_1\n{\n\tk v # c\n}\n", "k\n", "# {\n"] * 6
HAPROXY = [
    *(
        "listen x\n",
        "listen y",
        "global\n",
        "frontend f\n",
        "bind :1\n",
        "bind",
        "server s 1:2",
        "mode tcp\n",
        ".if a\n",
        ".endif\n",
    ),
    *("\n", "\n", " ", "\t", "\r", '"', "'", '"w \\" x"', "'s'", "# c", "\\", "\\ ", "é", "\x0c", "\u2028", "$X", "\0"),
]
HAPROXY += ["listen x\n  bind :1\n  mode tcp\n", "  bind 'a b' # c\n", "  server s 1:2\n", "global\n", "\n"] * 6
WORDS = ["a", "1", "x y", "q#", "{", "}", "é", "10.0.0.1/24", "eth0:1", '"', "'", "\\", "$X", "@c", "\n", "include", ""]


def made(random_: random.Random, pieces: list[str]) -> str:
    return "".join(random_.choice(pieces) for _ in range(random_.randrange(30)))


def keepalived(random_: random.Random) -> str:
    text = made(random_, KEEPALIVED)
    path = random_.choice([[], [("x",)], [("y", "z")], [("vrrp_instance", "VI_1")], [("x",), ("n",)]])
    words = ["k", *(random_.choice(WORDS) for _ in range(random_.randrange(3)))]
    try:
        keepalived_text.parse(text)
    except ValueError:
        return "unreadable"
    try:
        if random_.random() < 0.3:
            items, gone = [tuple(words)], [("a",), ("b", "1", "2")]
            new = keepalived_text.fill(text, path or [("x",)], items, gone)
            again = keepalived_text.fill(new, path or [("x",)], items, gone)
        else:
            new = keepalived_text.put(text, path, *words)
            again = keepalived_text.put(new, path, *words)
            assert one_piece(text, new), (text, new)
    except ValueError:
        return "refused"
    assert again == new, (text, path, words)
    return "edited" if new != text else "right already"


def haproxy(random_: random.Random) -> str:
    text = made(random_, HAPROXY)
    wanted = [("bind", *(random_.choice(WORDS) for _ in range(2))) for _ in range(random_.randrange(3))]
    try:
        haproxy_text.parse(text)
    except ValueError:
        return "unreadable"
    try:
        new = haproxy_text.put(text, ("listen", "x"), {("bind",): wanted})
        assert haproxy_text.put(new, ("listen", "x"), {("bind",): wanted}) == new, (text, wanted)
    except ValueError:
        return "refused"
    rows = new.split("\n")
    kept = [row for row in text.split("\n") if row.strip() and "bind" not in row]
    assert not Counter(kept) - Counter(rows), (text, new)
    return "edited" if new != text else "right already"


def one_piece(old: str, new: str) -> bool:
    """Whether the new text is the old one but for a piece that is no more than a line, and pieces put in around it."""
    begin = next((n for n, (a, b) in enumerate(zip(old, new, strict=False)) if a != b), min(len(old), len(new)))
    tail = old[begin:][::-1]
    end = next((n for n, (a, b) in enumerate(zip(tail, new[begin:][::-1], strict=False)) if a != b), len(tail))
    return "\n" not in old[begin : len(old) - end]


def main(edit: Callable[[random.Random], str], count: int, seed: int) -> None:
    began, slowest, outcomes = time.monotonic(), 0.0, Counter[str]()
    try:
        for number in range(count):
            at = time.process_time()
            outcomes[edit(random.Random(seed * 10**9 + number))] += 1  # so that each can be had again
            slowest = max(slowest, time.process_time() - at)
    except KeyboardInterrupt:
        print("ended before its time")
    took = f"{time.monotonic() - began:.0f} s, slowest {slowest:.3f} s of the CPU"
    print(f"{edit.__name__}: {outcomes.total()} inputs in {took}, {dict(outcomes)}")


if __name__ == "__main__":
    main({"keepalived": keepalived, "haproxy": haproxy}[sys.argv[1]], int(sys.argv[2]), int((sys.argv[3:] or ["1"])[0]))
