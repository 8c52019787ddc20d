"""What may be sampled: the names of the assets, of shape targets and of expression units."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

Split = Literal["train", "benchmark"]


@dataclass(frozen=True)
class HairStyle:
    """A hair mesh.

    Attributes:
        long: Whether it hangs below the chin.
        fringe: Whether it has one, which other styles can borrow.
        hides: Share of its fringe that must be cut for both eyes to show.
        lengths: Lengths that suit it, 1 as it was made.
    """

    name: str
    long: bool = False
    curly: bool = False
    fringe: bool = False
    hides: float = 0.0
    lengths: tuple[float, float] = (0.6, 1.4)


@dataclass(frozen=True)
class Looks:
    """The names that assets give to choose from; `sex` is `female` or `male`."""

    light_skins: Mapping[str, Sequence[str]]
    dark_skins: Mapping[str, Sequence[str]]
    brown_irises: Sequence[str]
    pale_irises: Sequence[str]
    brows: Mapping[str, Sequence[str]]
    lashes: Mapping[str, Sequence[str]]
    lash_shares: Mapping[str, Sequence[float] | None]
    hair: Sequence[HairStyle]
    hats: Sequence[str]
    held_out: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Catalogue:
    """All that is sampled from: looks, shape targets with their families, expression units, environments."""

    looks: Looks
    targets: dict[str, str]
    units: Sequence[str]
    environments: Sequence[str]
    benchmark_environments: frozenset[str] = frozenset()

    def of_split(self, split: Split) -> "Catalogue":
        """Return what one split may use: assets held out for the benchmark are never trained on, and it uses no other.

        Where assets of a sort are too few to hold any out (the procedural pack), both splits use all of them.
        """
        held, looks = self.looks.held_out, self.looks

        def choose(names: Sequence[str]) -> Sequence[str]:
            chosen = [name for name in names if (name in held) == (split == "benchmark")]
            return chosen or names

        def by_sex(names: Mapping[str, Sequence[str]]) -> Mapping[str, Sequence[str]]:
            return {sex: choose(own) for sex, own in names.items()}

        styles = [style for style in looks.hair if (style.name in held) == (split == "benchmark")]
        environments = [
            name for name in self.environments if (name in self.benchmark_environments) == (split == "benchmark")
        ]
        return replace(
            self,
            looks=replace(
                looks,
                brown_irises=choose(looks.brown_irises),
                pale_irises=choose(looks.pale_irises),
                brows=by_sex(looks.brows),
                hair=styles or looks.hair,
            ),
            environments=environments or self.environments,
        )
