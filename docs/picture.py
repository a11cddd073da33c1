"""Makes docs/fix.svg of a real run: ``pytest … --fix --color=yes | python docs/picture.py``."""

import io
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

console = Console(record=True, width=118, file=io.StringIO())
machine = ("platform ", "rootdir: ", "configfile: ", "plugins: ")
lines = [line for line in sys.stdin.read().rstrip().splitlines() if not line.startswith(machine)]
console.print(Text.from_ansi("\n".join(lines)))
console.save_svg(
    str(Path(__file__).with_name("fix.svg")), title="pytest --hosts=cp1,cp2,cp3,w1 --profile=cluster.yaml -q --fix"
)
