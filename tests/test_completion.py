"""The completion script, in the shells that are here."""

import shutil
import subprocess

import pytest

from faceshifter_hub import cli
from faceshifter_hub.completion import SHELLS


@pytest.fixture
def script(capsys):
    def write(shell):
        with pytest.raises(SystemExit, match="0"):
            cli.main(["--print-completion", shell])
        return capsys.readouterr().out

    return write


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_of_the_shell_that_knows_the_commands(script, shell):
    text = script(shell)
    assert "faceshifter" in text and "synthesize" in text and "--strength" in text.replace("-l strength", "--strength")
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=text, text=True, check=True)


def complete(script, folder, *words):
    """Return what bash offers for the last word."""
    ask = f"COMP_WORDS=({' '.join(words)!s}); COMP_CWORD={len(words) - 1}\n_shtab_faceshifter\n"
    process = subprocess.run(
        ["bash"],
        input=f'{script}\n{ask}printf "%s\\n" "${{COMPREPLY[@]}}"',
        cwd=folder,
        capture_output=True,
        text=True,
    )
    return process.stdout.split()


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_options_choices_and_files(script, tmp_path):
    (tmp_path / "source.jpg").touch()
    text = script("bash")
    assert complete(text, tmp_path, "faceshifter", "syn") == ["synthesize"]
    assert complete(text, tmp_path, "faceshifter", "swap", "--str") == ["--strength"]
    assert complete(text, tmp_path, "faceshifter", "components", "hear") == ["hear_refiner"]
    assert complete(text, tmp_path, "faceshifter", "swap", "sou") == ["source.jpg"]
