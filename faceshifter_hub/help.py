"""What `--help` says of every command: its sentence, its options, and commands to copy."""

import argparse
from typing import Any

EXAMPLES = {
    "faceshifter": """
faceshifter swap source.jpg target.jpg -o swapped.png
faceshifter components
faceshifter demo
""",
    "faceshifter swap": """
faceshifter swap source.jpg target.jpg -o swapped.png
faceshifter swap source.jpg target.jpg -o swapped.png --strength 0.6 --keep mouth --colour lab
faceshifter swap source.jpg group.jpg -o swapped.png --faces all
faceshifter swap --map anna.jpg=new.jpg --map 2=other.jpg group.jpg -o swapped.png
faceshifter swap source.jpg target.jpg -o swapped.png --stages stages/
faceshifter swap source.jpg target.jpg -o swapped.png --json
""",
    "faceshifter video": """
faceshifter video source.jpg clip.mp4 -o swapped.mp4
faceshifter video source.jpg clip.mp4 -o swapped.mp4 --start 1:02.5 --end 1:10
faceshifter video source.jpg clip.mp4 --preview 0:10 look.png
faceshifter video --map anna.jpg=new.jpg --map bob.jpg=other.jpg clip.mp4 -o swapped.mp4
""",
    "faceshifter live": """
faceshifter live source.jpg
faceshifter live source.jpg --camera 1 --faces all --no-refine
""",
    "faceshifter check": """
faceshifter check swapped.png
faceshifter check clip.mp4 --json
""",
    "faceshifter batch": """
faceshifter batch source.jpg photos/ -o swapped/
faceshifter batch source.jpg photos/ -o swapped/ --faces all --json
faceshifter batch jobs.toml
faceshifter batch jobs.toml --ray auto
""",
    "faceshifter components": """
faceshifter components
faceshifter components identity_encoder
faceshifter components --json
""",
    "faceshifter info": """
faceshifter info aad-lite-256
faceshifter info faceshifter-lite --json
""",
    "faceshifter pull": """
faceshifter pull faceshifter-lite
faceshifter pull aad-lite-256 hear-lite-256 --json
faceshifter pull hf://owner/repo@v1.0
""",
    "faceshifter export": """
faceshifter export
faceshifter export --runtime inductor-bf16
faceshifter export aad-lite-256 -o graphs/ --json
""",
    "faceshifter demo": """
faceshifter demo
faceshifter demo --port 8000
""",
    "faceshifter mcp": """
faceshifter mcp --folder pictures/
faceshifter mcp --folder pictures/ --pipeline hf://owner/repo
""",
    "faceshifter benchmark": """
faceshifter benchmark
faceshifter benchmark --runtime torch onnxruntime --json
faceshifter benchmark --compare old.json
""",
    "faceshifter evaluate": """
faceshifter evaluate portraits photos/ --out report/
faceshifter evaluate swapbench bench/ --baseline pasted --out report/
faceshifter evaluate results report/report.json --out results.md
""",
    "faceshifter evaluate swapbench": """
faceshifter evaluate swapbench bench/ --baseline stage-1 --baseline truth --out report/
""",
    "faceshifter evaluate portraits": """
faceshifter evaluate portraits photos/ --limit 50 --out report/
faceshifter evaluate portraits photos/ --pipeline runs/a --pipeline runs/b --out report/
""",
    "faceshifter evaluate faceforensics": """
faceshifter evaluate faceforensics faceforensics/ --compression c23 --out report/
""",
    "faceshifter evaluate casia2026": """
faceshifter evaluate casia2026 casia/ --pairs cross-ethnicity --out report/
""",
    "faceshifter evaluate pairs": """
faceshifter evaluate pairs pairs.csv --out report/
""",
    "faceshifter evaluate results": """
faceshifter evaluate results portraits/report.json swapbench/report.json --out results.md
""",
    "faceshifter evaluate gallery": """
faceshifter evaluate gallery bench/ --seed 7 --out gallery.md
""",
    "faceshifter evaluate renders": """
faceshifter evaluate renders --identities 200 --per-identity 5 --out report/
""",
    "faceshifter synthesize": """
faceshifter synthesize synth/ --identities 1000 --triplets 6000
faceshifter synthesize bench/ --benchmark swapbench
""",
    "faceshifter prepare": """
faceshifter prepare photos/ data/
""",
    "faceshifter publish": """
faceshifter publish runs/aei OWNER/NAME --licence apache-2.0
faceshifter publish runs/aei OWNER/NAME --tag v1.0 --report report/report.json
""",
}


class HelpfulParser(argparse.ArgumentParser):
    """A parser, and parsers of commands below it, with examples at the end of the help."""

    def __init__(self, prog: str | None = None, **options: Any):
        super().__init__(prog, formatter_class=argparse.RawDescriptionHelpFormatter, **options)
        self.register("action", "parsers", _Commands)
        lines = EXAMPLES.get(self.prog, "").strip().splitlines()
        if lines:
            self.epilog = "\n".join(["examples:", *(f"  {line}" for line in lines)])


class _Commands(argparse._SubParsersAction):
    """What a list of commands says of one in a line, that command's own help says too."""

    def add_parser(self, name: str, **options: Any) -> argparse.ArgumentParser:
        line = options["help"]
        return super().add_parser(name, **{"description": f"{line[0].upper()}{line[1:]}."} | options)
