"""From a trainer's output folder to one commit of a Hub repository, and the manifests that pin it."""

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from faceshifter_hub.component import CARD, CONFIG, WEIGHTS, ComponentMixin, load_component
from faceshifter_hub.errors import HubUnavailableError, SettingsError, UnwritableOutputError
from faceshifter_hub.publishing.card import write_card
from faceshifter_hub.publishing.manifests import About, manifest_of
from faceshifter_hub.publishing.toml import to_toml
from faceshifter_hub.publishing.trained import TrainedFolder, read_trained
from faceshifter_hub.registry import File, Manifest, sha256_of

TAG = re.compile(r"[A-Za-z0-9][\w.-]*", re.ASCII)
CURVES, SAMPLES = "curves.png", "samples.png"


@dataclass(frozen=True)
class Published:
    """Where it went: the commit, 40 hexadecimal digits, and the manifests, ready for `registry/`."""

    commit: str
    manifests: tuple[Path, ...]


def check_repository(repo: str, *, tag: str | None = None, private: bool = False) -> None:
    """Make a Hub repository if it is missing, and make sure that one may write to it, before anything depends on it.

    Raises:
        SettingsError: `repo` is not of the form owner/name, or is public where `private` is asked for; `tag` cannot be
            a tag or is one already.
        HubUnavailableError: There is no token, the Hub cannot be reached, or refuses.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo)
        valid = "/" in repo
    except HFValidationError:
        valid = False
    if not valid:
        raise SettingsError(f"'{repo}' cannot be the name of a repository: write OWNER/NAME, as on the Hub.")
    if tag is not None and not TAG.fullmatch(tag):
        raise SettingsError(f"'{tag}' cannot be a tag: write letters, digits, '.', '_' and '-', as in v1.0.")
    if get_token() is None:
        raise HubUnavailableError(
            f"There is no token to publish '{repo}' with: log in with `hf auth login`, or set HF_TOKEN."
        )
    api = HfApi()
    with push_errors(repo):
        api.create_repo(repo, exist_ok=True, private=private)
        api.auth_check(repo, write=True)
        public = private and not api.model_info(repo).private
        taken = tag is not None and tag in {ref.name for ref in api.list_repo_refs(repo).tags}
    if public:
        raise SettingsError(f"'{repo}' is public already: make it private on the Hub, or choose another.")
    if taken:
        raise SettingsError(f"'{repo}' has a tag '{tag}' already, and a tag should not move: choose another.")


@contextmanager
def push_errors(repo: str) -> Iterator[None]:
    """Turn what the Hub's client raises at an upload into one sentence of ours."""
    from huggingface_hub import constants, errors

    try:
        yield
    except (errors.HTTPError, errors.OfflineModeIsEnabled, RuntimeError) as error:  # the last: a file that broke off
        response = error.response if isinstance(error, errors.HfHubHTTPError) else None
        if response is None or response.status_code >= 500:
            problem = f"The Hub ({constants.ENDPOINT}) cannot be reached for '{repo}'"
            advice = "run `faceshifter publish` again when it can; what is there already is not sent twice"
        elif response.status_code == 401:
            problem = f"The Hub ({constants.ENDPOINT}) does not know your token"
            advice = "log in with `hf auth login`, or set HF_TOKEN"
        elif response.status_code == 403:
            problem = f"Your token may not write to '{repo}'"
            advice = "take one that may, or a repository of your own"
        else:
            reason = error.server_message if isinstance(error, errors.HfHubHTTPError) else None
            problem = f"The Hub ({constants.ENDPOINT}) refuses '{repo}'"
            advice = reason or response.reason_phrase
        raise HubUnavailableError(f"{problem}: {advice.rstrip('.')}.") from error


def publish(
    folder: Path, repo: str, about: About | None = None, *, tag: str | None = None, private: bool = False
) -> Published:
    """Publish every component of a trainer's output folder in one commit: whole, or not at all.

    The repository gets a folder a component, with weights in single and half precision, a card, the curves of the
    losses and the last sample grid; other folders that it has stay. The manifests are written to `folder/registry`,
    since a commit cannot name itself.

    Args:
        folder: Output of `trainers/aei.py` or `trainers/hear.py`.
        repo: `owner/name`, made if missing.
        about: What the folder does not know.
        tag: Name to give the commit.
        private: Whether a new repository is hidden from others.

    Raises:
        UnknownComponentError: There is no such folder.
        CheckpointError: It holds no components, or damaged ones.
        SettingsError: As `check_repository`.
        HubUnavailableError: There is no token, the Hub cannot be reached, or refuses.
        UnwritableOutputError: The manifests cannot be written.
    """
    from huggingface_hub import HfApi

    about, trained = about or About(), read_trained(folder)
    networks = [load_component(folder / kind, kind) for kind in trained.kinds]
    check_repository(repo, tag=tag, private=private)
    with tempfile.TemporaryDirectory() as temporary:
        bundle = Path(temporary)
        manifests = [
            manifest_of(network, write_component(bundle / network.kind, network), repo, trained, about)
            for network in networks
        ]
        pictures = write_pictures(bundle, trained, about)
        (bundle / CARD).write_text(write_card(repo, manifests, trained, about.report, pictures), "utf-8")
        with push_errors(repo):
            message = f"Publish {', '.join(trained.kinds)}"
            commit = HfApi().upload_folder(repo_id=repo, folder_path=bundle, commit_message=message).oid
            if tag is not None:
                HfApi().create_tag(repo, tag=tag, revision=commit)
    return Published(commit, tuple(write_manifest(folder / "registry", manifest, commit) for manifest in manifests))


def write_component(folder: Path, network: ComponentMixin) -> tuple[File, ...]:
    """Write both variants; returns the files that `from_pretrained` takes, in single precision."""
    network.save_pretrained(folder)
    network.save_pretrained(folder, variant="fp16")
    (folder / CARD).unlink()  # the repository has one card, of the whole
    paths = [folder / name for name in (CONFIG, WEIGHTS[None])]
    return tuple(File(path=p.name, size=p.stat().st_size, sha256=sha256_of(p)) for p in paths)


def write_pictures(folder: Path, trained: TrainedFolder, about: About) -> dict[str, str]:
    """Take the curves of the losses and the last sample grid, where there are any; returns what each file shows."""
    shown = {}
    if (trained.path / CURVES).exists():
        shutil.copyfile(trained.path / CURVES, folder / CURVES)
        shown[CURVES] = "Losses of the run"
    if about.samples and trained.samples is not None:
        shutil.copyfile(trained.samples, folder / SAMPLES)
        columns = "Y^_st, dY_t, Y_st" if "hear_refiner" in trained.kinds else "Y^_st, Y^_tt"
        shown[SAMPLES] = f"Validation pairs, from left to right: source, target, {columns}"
    return shown


def write_manifest(folder: Path, manifest: Manifest, commit: str) -> Path:
    """Write the manifest that pins a commit where the registry keeps its kind; returns the path."""
    source = manifest.source.model_copy(update={"revision": commit})
    pinned = manifest.model_copy(update={"source": source})
    path = folder / f"{manifest.kind}s" / f"{manifest.name}.toml"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(to_toml(pinned.model_dump(mode="json", by_alias=True, exclude_none=True)), "utf-8")
    except OSError as error:
        raise UnwritableOutputError(
            f"{path} cannot be written ({error.strerror}), though the components are published as commit {commit}."
        ) from error
    return path
