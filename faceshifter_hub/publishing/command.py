"""`faceshifter publish`: a trainer's output folder goes to the Hub."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]


def add_publish(subparsers: "Subparsers") -> None:
    """Add `faceshifter publish`."""
    parser = subparsers.add_parser("publish", help="put trained components on the Hub, with a card and manifests")
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="output folder of a trainer")
    parser.add_argument("repo", metavar="REPO", help="OWNER/NAME on the Hub, made if missing")
    parser.add_argument("--tag", metavar="TAG", help="name to give the commit, v1.0 say")
    parser.add_argument("--private", action="store_true", help="hide a new repository from others")
    parser.add_argument("--licence", metavar="ID", help="of the weights: apache-2.0, cc-by-4.0, ... (not stated)")
    parser.add_argument("--training-data", metavar="TEXT", help="what they were trained on (names of the folders)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="report.json of `faceshifter evaluate`")
    parser.add_argument("--samples", action="store_true", help="show the last sample grid, photographs and all")
    parser.set_defaults(run=run_publish)


def run_publish(arguments: argparse.Namespace) -> None:
    """Publish, and print the address and the manifests."""
    from faceshifter_hub.publishing.manifests import About
    from faceshifter_hub.publishing.trained import read_report
    from faceshifter_hub.publishing.upload import publish

    about = About(
        licence=arguments.licence,
        training_data=arguments.training_data,
        report=read_report(arguments.report) if arguments.report else None,
        samples=arguments.samples,
    )
    published = publish(arguments.folder, arguments.repo, about, tag=arguments.tag, private=arguments.private)
    for manifest in published.manifests:
        print(f"hf://{arguments.repo}/{manifest.parent.name.removesuffix('s')}@{published.commit}  {manifest}")
