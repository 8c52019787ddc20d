"""The tab Components: what is registered, under which licence, how it measured; and more of it from the Hub."""

from typing import Any

import gradio as gr
from markupsafe import Markup

from faceshifter_hub.component import component_interface, component_kind
from faceshifter_hub.demo.choices import Choice, Choices
from faceshifter_hub.demo.dropdowns import COMPONENT_LABELS
from faceshifter_hub.demo.inputs import said_on_page
from faceshifter_hub.errors import ComponentError, FaceShifterError
from faceshifter_hub.registry import (
    Interface,
    Kind,
    Manifest,
    UntrainedSource,
    get_manifest,
    list_components,
)

EVERY_KIND = "all"
HUB = "hf://"
NO_NUMBERS = "None is published."


def build_components_tab(available: gr.State) -> None:
    """Lay out the tab and connect it, within an open `gr.Blocks`."""
    kinds = [("All", EVERY_KIND), *((label, kind) for kind, (label, _) in COMPONENT_LABELS.items())]
    kind = gr.Radio(kinds, value=EVERY_KIND, label="Kind", elem_id="kind")
    table = gr.HTML(component_table(EVERY_KIND, available.value), label="Components", elem_id="component-table")
    with gr.Row(equal_height=False):
        with gr.Column():
            names = [manifest.name for manifest in list_components()]
            chosen = gr.Dropdown(names, value=names[0], label="Details of", elem_id="details-of")
            details = gr.HTML(component_details(names[0]), label="Details", elem_id="details")
        with gr.Column():
            gr.Markdown(
                "## Load from the Hub\nIts interface is checked now, its weights are fetched at the first swap. It "
                "is offered in the other tabs until you close this page.",
                elem_id="load-intro",
            )
            address = gr.Textbox(
                label="Address",
                placeholder="hf://owner/repo",
                info="hf://owner/repo[/subfolder][@revision], or a registered name",
                max_lines=1,
                elem_id="address",
            )
            load = gr.Button("Load", variant="primary", elem_id="load")
            loaded = gr.Markdown(elem_id="loaded")

    def show_table(kind: str, choices: Choices) -> str:
        return component_table(kind, choices)

    def load_address(address: str, choices: Choices) -> tuple[Choices, str]:
        with said_on_page("Not loaded"):
            address = address.strip()
            kind, choice = find_component(address)
            choices = choices.adding(kind, choice)
        return choices, offered_where(kind, choice, choices)

    def validate(address: str, choices: Choices) -> list[dict[str, Any]]:
        try:
            check_address(address.strip())
        except FaceShifterError as error:
            return [gr.validate(False, str(error)), gr.validate(True, "")]
        return [gr.validate(True, ""), gr.validate(True, "")]

    kind.change(show_table, [kind, available], table, show_progress="hidden", api_visibility="private")
    available.change(show_table, [kind, available], table, show_progress="hidden", api_visibility="private")
    chosen.change(component_details, chosen, details, show_progress="hidden", api_visibility="private")
    gr.on(
        [load.click, address.submit],
        load_address,
        [address, available],
        [available, loaded],
        validator=validate,
        show_progress_on=loaded,
        api_visibility="private",
    )


# ---- what is registered


def component_table(kind: str, choices: Choices) -> str:
    """Return the components of a kind, or all, as an HTML table: registered ones, then those the visitor loaded."""
    manifests = [one for one in list_components() if kind in (EVERY_KIND, one.kind)]
    registered = {one.name for one in list_components()}
    rows = [
        component_row(
            one.name,
            one.kind,
            one.description,
            interface_words(one.interface),
            one.code_licence,
            weights_words(one),
            "yes" if one.commercial_use else "no",
            f"{len(one.metrics)} numbers" if one.metrics else "none",
        )
        for one in manifests
    ]
    for other, by_name in choices.by_kind.items():
        rows += [
            component_row(
                one.name, other, "loaded from the Hub", interface_words(one.interface), *["see its Hub page"] * 3, ""
            )
            for one in by_name.values()
            if one.name not in registered and one.address.startswith(HUB) and kind in (EVERY_KIND, other)
        ]
    headings = Markup("").join(Markup('<th scope="col">{}</th>').format(heading) for heading in HEADINGS)
    table = Markup('<table class="components"><thead><tr>{}</tr></thead><tbody>{}</tbody></table>')
    return str(table.format(headings, Markup("").join(rows)))


HEADINGS = ("Name", "Kind", "What it is", "Fits", "Code", "Weights", "Commercial use", "Measured")


def component_row(name: str, kind: Kind, *cells: str) -> Markup:
    """Return a row of the table; on a phone each cell says its heading."""
    first = Markup('<th scope="row">{}</th>').format(name)
    labelled = zip(HEADINGS[1:], (COMPONENT_LABELS[kind][0], *cells), strict=True)
    others = [Markup('<td data-heading="{}">{}</td>').format(heading, cell) for heading, cell in labelled]
    return Markup("<tr>{}{}</tr>").format(first, Markup("").join(others))


def interface_words(interface: Interface) -> str:
    """Say briefly what a component fits."""
    said = [
        f"{interface.resolution}×{interface.resolution}" if interface.resolution else "",
        f"identity {interface.identity_space.name}" if interface.identity_space else "",
        f"attributes {interface.attribute_space.name}" if interface.attribute_space else "",
    ]
    return ", ".join(part for part in said if part) or "everything"


def weights_words(manifest: Manifest) -> str:
    """Say the licence of a component's weights, if it has any."""
    return "untrained" if isinstance(manifest.source, UntrainedSource) else manifest.weights_licence or "not stated"


def component_details(name: str) -> str:
    """Return everything the registry knows of a component, as HTML."""
    manifest = get_manifest(name)
    facts = {
        "Kind": COMPONENT_LABELS[manifest.kind][0],
        "Class": manifest.class_name,
        "Source": manifest.source.type,
        **{field.replace("_", " ").capitalize(): str(value) for field, value in manifest.interface if value},
        "Licence of the code": manifest.code_licence,
        "Licence of the weights": weights_words(manifest),
        "Commercial use": "allowed" if manifest.commercial_use else "not allowed",
        "Trained on": manifest.training_data,
        "Paper": manifest.paper or "none",
        "Size": f"{sum(file.size for file in manifest.files) / 1e6:.1f} MB",
    }
    terms = Markup("").join(Markup("<dt>{}</dt><dd>{}</dd>").format(term, said) for term, said in facts.items())
    numbers = Markup("").join(
        Markup("<li>{} <strong>{:g}</strong> on {}, by <code>{}</code></li>").format(
            one.name, one.value, one.data, one.command
        )
        for one in manifest.metrics
    )
    measured = Markup("<ul>{}</ul>").format(numbers) if numbers else Markup("<p>{}</p>").format(NO_NUMBERS)
    page = Markup('<h2>{}</h2><p>{}</p><dl class="facts">{}</dl><h3>Measured</h3>{}')
    return str(page.format(manifest.name, manifest.description, terms, measured))


# ---- more of it


def check_address(address: str) -> None:
    """Let pass what may be loaded for a visitor: a registered name, or a repository of the Hub; never a folder.

    Raises:
        ComponentError: It is something else, or no such name is registered.
    """
    if not address:
        raise ComponentError("Write an address: hf://owner/repo, or a registered name.")
    if address.startswith(HUB):
        return
    if "/" in address or "\\" in address:
        raise ComponentError(f"'{address}' is no Hub address: write hf://owner/repo[/subfolder][@revision].")
    if isinstance(get_manifest(address.partition("@")[0]).source, UntrainedSource):
        raise ComponentError(f"'{address}' is an untrained architecture: it has no weights to swap with.")


def find_component(address: str) -> tuple[Kind, Choice]:
    """Return the kind of component at an address, and how it is offered; no weights are fetched.

    Raises:
        ComponentError: The address is none that a visitor may load, or leads to no component.
    """
    check_address(address)
    kind = component_kind(address)
    return kind, Choice(address, f"{address.removeprefix(HUB)} (Hub)", address, component_interface(address, kind))


def offered_where(kind: Kind, choice: Choice, choices: Choices) -> str:
    """Say where a component loaded is offered now, as Markdown."""
    label = COMPONENT_LABELS[kind][0]
    fits = [one.name for one in choices.generators() if choice in choices.offered(kind, one.name)]
    if fits and kind != "aad_generator":
        where = f"It is offered with: {', '.join(f'`{name}`' for name in fits)}."
    elif fits:
        where = "Choose it as the generator."
    elif kind == "aad_generator":
        where = "Nothing here fits it yet: load the encoders it was trained with, too."
    else:
        where = "No generator here fits it yet: load the one trained with it, too."
    return f"**{label}** `{choice.name}`: {interface_words(choice.interface)}. {where}"
