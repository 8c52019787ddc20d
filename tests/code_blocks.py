"""The code blocks of a page of Markdown, and whether what they tell a reader to type can be typed.

A comment right before a block says what is special about it: `<!-- not run: WHY -->`, it is only parsed;
`<!-- file: NAME -->`, it is the content of a file that the page goes on to use.
"""

import ast
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from faceshifter_hub.cli import build_parser
from trainers.ablate import AblationOptions
from trainers.aei import AEIOptions
from trainers.hear import HEAROptions
from trainers.options import parse_options

ROOT = Path(__file__).parents[1]
OPTIONS = {"aei.py": AEIOptions, "hear.py": HEAROptions, "ablate.py": AblationOptions}
FOREIGN = {"accelerate", "bash", "cd", "curl", "docker", "eval", "git", "hf", "npm", "npx", "pip", "python", "sudo"}
BLOCK = re.compile(
    r"(?:^<!-- (?P<directive>not run|file): (?P<argument>[^>]+) -->\n+)?"
    r"^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A fenced block; `line` is where its code begins, from 1."""

    page: Path
    line: int
    language: str
    code: str
    not_run: str | None
    file: str | None

    @property
    def place(self):
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def commands(self):
        """The words of each command of a shell block."""
        lines = self.code.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]


def find_blocks(page):
    """Return the blocks of a page, in order."""
    text = page.read_text("utf-8")
    blocks = []
    for match in BLOCK.finditer(text):
        arguments = {match["directive"]: match["argument"]}
        line = text.count("\n", 0, match.start("code")) + 1
        blocks.append(
            Block(page, line, match["language"], match["code"], arguments.get("not run"), arguments.get("file"))
        )
    return blocks


def parse_block(block):
    """Raise unless Python is Python, a script is Bash, and commands and options of a shell block exist."""
    if block.language == "python":
        ast.parse(block.code, block.place)
    if block.language == "bash":
        subprocess.run(["bash", "-n"], input=block.code, text=True, check=True)
    for words in block.commands if block.language == "sh" else ():
        parse_command(words)


def parse_command(words):
    """Raise unless a program exists and knows its arguments, as far as they are ours."""
    program, *arguments = words
    if program == "faceshifter":
        build_parser().parse_args(arguments)
    elif "faceshifter_hub.cli" in arguments:
        build_parser().parse_args(arguments[arguments.index("faceshifter_hub.cli") + 1 :])
    elif program == "make":
        assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE), words
    else:
        assert program in FOREIGN, f"{program} is a program that nobody vouches for"
    script = next((n for n, word in enumerate(arguments) if word.endswith(".py") and "/" in word), None)
    if script is not None:
        path = ROOT / arguments[script]
        assert path.is_file(), path
        if path.name in OPTIONS:
            assert parse_options(OPTIONS[path.name], arguments[script + 1 :])
