"""How a swap is done: what may be chosen, once for every door (Python, command line, demo, jobs)."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from faceshifter_hub.errors import SettingsError

# dlib's centred embeddings of different portraits are beyond it in one pair of 150, those of one rendered person, from
# other sides and in other light, in seven of eight
LEAST_LIKENESS = 0.45
MOST_STRENGTH = 2
MOST_BOOST = 4
Region = Literal["mouth", "eyes", "glasses", "hair", "hands"]
Colour = Literal["none", "lab", "poisson"]
REGIONS: tuple[Region, ...] = get_args(Region)
COLOURS: tuple[Colour, ...] = get_args(Colour)


class SwapOptions(BaseModel):
    """Options of a swap. Each field's description is what `--help` and the demo say of it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    faces: str = Field(
        default="largest",
        pattern=r"^(largest|all|[1-9]\d*(,[1-9]\d*)*)$",
        description="whose face of the target changes: largest, all, or numbers from left to right: 1,3",
    )
    min_score: float = Field(
        default=0.0, ge=0, le=1, description="faces of which the detector is less sure, of 1, are left alone"
    )
    min_likeness: float = Field(
        default=LEAST_LIKENESS,
        ge=0,
        le=1,
        description="whoever is less like the photo of a person to replace, of 1, is somebody else",
    )
    refine: bool = Field(default=True, description="run stage 2, which brings back what covers the face")
    strength: float = Field(
        default=1.0,
        ge=0,
        le=MOST_STRENGTH,
        description="0 keeps the target's identity, 1 takes the source's, up to 2 leads away from the target",
    )
    boost: int = Field(
        default=1, ge=1, le=MOST_BOOST, description="so many times the networks' resolution, at the square of the time"
    )
    keep: tuple[Region, ...] = Field(
        default=(), description=f"what of the target's face stays as it is: any of {', '.join(REGIONS)}"
    )
    colour: Colour = Field(
        default="none",
        description="match the pasted face's colours to the target: none, lab (statistics), poisson (blended)",
    )
    grain: bool = Field(
        default=False, description="match grain and sharpness to the target, so that the face looks not pasted"
    )
    mark: bool = Field(
        default=True, description="mark the result as synthetic: an invisible watermark and signed content credentials"
    )
    label: bool = Field(default=False, description="write 'AI modified' in a corner of the result, where no face is")

    @classmethod
    def of(cls, **chosen: Any) -> Self:
        """Return the options with some of them chosen.

        Raises:
            SettingsError: There is no such option, or its value is out of range.
        """
        try:
            return cls(**chosen)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = str(first["loc"][0])
            field = cls.model_fields.get(name)
            if field is None:
                there = ", ".join(cls.model_fields)
                raise SettingsError(f"There is no option '{name}' of a swap; there are: {there}.") from None
            raise SettingsError(
                f"The option {name} cannot be {first['input']!r}; it says: {field.description}."
            ) from None
