"""GLSL programs. Each material has a program of its own: software rendering runs every branch of a run-time
`if`, so branching on a uniform would cost twice the time.

Coordinates called `rest` are those of the unmorphed base mesh: what is painted by them moves with the face. Light is
linear until renderer.py develops the picture.
"""

MATERIALS = ("skin", "eye", "hair", "fur", "mouth", "cloth", "glass")

# > 0 above the neckline of the clothes
COLLAR = """
uniform vec4 neckline;  // height, slope towards the chest, depth and half width of a V
float collar(vec3 r) {
    float front = smoothstep(-.1, .5, r.z), shoulder = smoothstep(.45, 1., abs(r.x)) * 1.6;
    float v = front * neckline.z * max(0., 1. - abs(r.x) / neckline.w);
    return r.y - (neckline.x + neckline.y * r.z + shoulder - v);
}
"""

MATERIAL_VERTEX = """
#version 330
in vec3 in_position, in_normal, in_rest;
in vec2 in_uv, in_traits;
uniform mat4 view, projection, shadow;
uniform vec3 camera;
uniform float lift;  // towards the camera, when it comes to what hides what: a lent forehead stays under hair and hat
out vec3 position, normal, rest;
out vec2 uv;
out vec4 shadowPosition;
out float occlusion, cavity;
void main() {
    position = in_position;
    normal = in_normal;
    rest = in_rest;
    uv = in_uv;
    occlusion = in_traits.x;
    cavity = in_traits.y;
    shadowPosition = shadow * vec4(in_position, 1);
    gl_Position = projection * (view * vec4(in_position, 1));
    vec4 lifted = projection * (view * vec4(in_position + lift * normalize(camera - in_position), 1));
    gl_Position.z = lifted.z / lifted.w * gl_Position.w;
}
"""

# Exposure, a soft shoulder, contrast: linear light to what is shown.
DEVELOP = """
uniform float exposure, contrast;
vec3 developed(vec3 light) {
    light *= exposure;
    vec3 c = pow(clamp(light * (1. + .12 * light) / (1. + .55 * light), 0., 1.), vec3(1. / 2.2));
    return clamp((c - .45) * contrast + .45, 0., 1.);
}
"""

MATERIAL_INPUTS = """
in vec3 position, normal, rest;
in vec2 uv;
in vec4 shadowPosition;
in float occlusion, cavity;
layout(location = 0) out vec4 color;
layout(location = 1) out vec4 truth;  // label, share of the face region, depth; alpha 0 leaves what is there
uniform sampler2D tex, detail, colourMasks, reliefMasks;
uniform sampler2DShadow shadowMap;
uniform vec3 key, keyColour, rim, rimColour, camera, forward, harmonics[9];
uniform vec3 tint, tint2, stubbleTone[2], lipColour, eyeColour, headUp, eyeCentre[2], creases;
uniform vec4 brim;  // plane above which hair is under a hat, up to a height
uniform float brimHeight;
uniform vec4 makeUp;  // strength of lipstick, eyeshadow, eyeliner, blush
uniform vec2 seeds, freckles, stubble;  // of the head, of the face
uniform vec3 scalpTone, tips;
uniform vec2 scalp, ends;  // cropped hair and where it has receded; heights of roots and tips
uniform vec4 zone;  // shares of moustache, chin, full beard and scalp in fur
uniform float grey, coarseness, undercut, wave, tufts, density, curl;
uniform float wrinkles, gain, cut, soft, pattern, opacity, sheen, eyeRadius, label, region;
"""

MATERIAL_FUNCTIONS = """
const float LIPS = 4., TEETH = 5., HAIR_LABEL = 6.;
vec3 linear(vec3 c) { return pow(max(c, 0.), vec3(2.2)); }
vec3 ambient(vec3 n) {
    return max(harmonics[0] + harmonics[1] * n.y + harmonics[2] * n.z + harmonics[3] * n.x + harmonics[4] * n.x * n.y
        + harmonics[5] * n.y * n.z + harmonics[6] * (3. * n.z * n.z - 1.) + harmonics[7] * n.x * n.z
        + harmonics[8] * (n.x * n.x - n.y * n.y), 0.02);
}
float lit(vec3 n) {  // share of the key light that arrives: four taps, each filtered by the hardware
    vec3 q = shadowPosition.xyz / shadowPosition.w * .5 + .5;
    if (q.z > 1.) return 1.;
    float sum = 0., bias = .0025 + .004 * (1. - max(dot(n, key), 0.));
    for (int i = 0; i < 4; i++)
        sum += texture(shadowMap, vec3(q.xy + (vec2(i & 1, i >> 1) - .5) * 2. / 768., q.z - bias));
    return sum * .25;
}
float ggx(float nh, float roughness) {
    float a = roughness * roughness, a2 = a * a, d = nh * nh * (a2 - 1.) + 1.;
    return a2 / (3.1416 * d * d);
}
vec3 bumped(vec3 n, float height) {  // M. Mikkelsen, Bump Mapping Unparametrized Surfaces on the GPU, 2010
    vec3 dx = dFdx(position), dy = dFdy(position), across = cross(dy, n), along = cross(n, dx);
    float area = dot(dx, across);
    vec3 slope = sign(area) * (dFdx(height) * across + dFdy(height) * along);
    return normalize(max(abs(area), 1e-9) * n - slope);
}
"""

# Each sets what the lighting below uses: albedo, roughness, specular, openness (to the sky), alpha, wrap (light that
# creeps round the terminator, as in skin), leak (light in shadows), n (normal).
MATERIAL_MAIN = """
void main() {
    vec3 n = normalize(normal + vec3(0, 1e-6, 0)), v = normalize(camera - position), albedo;
    float roughness = .5, f0 = .04, specular = 1., openness = occlusion, alpha = 1.;
    vec3 wrap = vec3(.05), leak = vec3(.1);
    truth = vec4(label, region, 0, 1);

#if defined(SKIN)
    if (collar(rest) < -.10) discard;
    vec4 where = texture(colourMasks, uv), relief = texture(reliefMasks, uv);
    float face = relief.a;
    vec2 place = vec2(atan(rest.x, rest.z + .1), rest.y) + mix(seeds.x, seeds.y, step(.5, face)) * vec2(7.3, 3.1);
    vec4 coarse = texture(detail, place * .25), fine = texture(detail, place * 1.1);
    vec3 c = texture(tex, uv).rgb;
    // pores, lines of age and of expression
    float lines = max(relief.r * max(wrinkles * .8, max(creases.x, creases.y)), relief.g * max(wrinkles, creases.z));
    n = bumped(n, .010 * dot(c, vec3(.33)) + .0012 * fine.a - .0035 * lines);
    c = linear(c) * (1. - .18 * lines * (1. - .5 * fine.r));
    // blotches, freckles
    c *= 1. + .10 * (coarse.r + .5 * coarse.g - .75);
    float spots = smoothstep(.72, .9, fine.b) * smoothstep(.35, .7, coarse.g);
    c *= 1. - min(mix(freckles.x, freckles.y, face), 1.) * spots * vec3(.2, .36, .44);
    // make-up
    c = mix(c, linear(eyeColour), .75 * where.b * makeUp.y);
    c = mix(c, linear(lipColour) * (.6 + .8 * coarse.g), .85 * where.g * makeUp.x);
    c *= 1. - .85 * smoothstep(.3, .9, where.a) * makeUp.z;
    c *= mix(vec3(1), vec3(1.1, .72, .74), relief.b * makeUp.w);
    // stubble: cheeks, jaw and upper lip, not the lips
    float crown = step(7.2, rest.y + .8 * max(.25 - rest.z, 0.));  // above: the mask is the scalp's
    float hairs = where.r * (1. - crown) * mix(stubble.x, stubble.y, face) * (.35 + .75 * fine.b) * (.6 + .4 * fine.r);
    c = mix(c, linear(mix(stubbleTone[0], stubbleTone[1], face)) * .5 + c * .12, clamp(hairs, 0., .92));
    // hair cropped to the scalp
    float cropped = crown * scalp.x * smoothstep(scalp.y, scalp.y + .16, where.r + .08 * (fine.g - .5));
    c = mix(c, linear(scalpTone) * .45 + c * .15, clamp(cropped * (.55 + .6 * fine.b), 0., .95));
    c = mix(c, c * vec3(.75, .35, .33), cavity);
    float under = smoothstep(-.02, .16, collar(rest));
    openness = max(occlusion, .22) * mix(.45, 1., under);  // nostrils that poke through their wings are no black dots
    float luminance = dot(c, vec3(.3, .6, .1));
    albedo = c;
    roughness = mix(.40, .58, fine.g) - .12 * where.g * makeUp.x;
    f0 = .028;
    specular = sheen * mix(.40, .85, smoothstep(.0, .35, luminance)) * smoothstep(.2, .8, occlusion);
    wrap = vec3(.38, .18, .10);
    leak = vec3(.10, .03, .02);
    float seen = cavity > .5 ? TEETH : where.g > .5 ? LIPS : cropped > .45 ? HAIR_LABEL : label;
    truth = vec4(seen, max(max(face, cavity), region), 0, 1);

#elif defined(EYE)
    vec4 t = texture(tex, uv);
    if (t.a < .3) discard;
    if (dot(n, v) < 0.) n = -n;
    // the lids' shade on the ball
    vec3 d0 = position - eyeCentre[0], d1 = position - eyeCentre[1];
    vec3 d = dot(d0, d0) < dot(d1, d1) ? d0 : d1;
    float up = dot(d, headUp) / eyeRadius, far = length(d - dot(d, v) * v) / eyeRadius;
    openness = (1. - .60 * smoothstep(.0, .45, up)) * (1. - .35 * smoothstep(-.3, -.6, up))
        * (1. - .45 * smoothstep(.5, .95, far));
    albedo = linear(t.rgb) * mix(tint, vec3(.70), smoothstep(.2, .45, min(t.r, t.b)));
    roughness = .14;
    specular = .35;
    wrap = vec3(.25, .15, .12);
    leak = vec3(.2);

#elif defined(HAIR)
    vec4 t = texture(tex, uv);
    if (dot(n, v) < 0.) n = -n;
    float above = dot(vec4(position, 1), brim);
    if (above > 0. && above < brimHeight) discard;  // under a hat
    // the sides, shaved
    float side = rest.y + .35 * max(rest.z - .2, 0.) + .03 * sin(9. * rest.z);
    if (undercut > 0. && side < 7.2 + .5 * undercut) discard;
    // tufts open gaps in what would be a cap
    vec4 noise = texture(detail, vec2(atan(rest.x, rest.z - .3), rest.y * mix(.07, 1., tufts)) * mix(1.3, 1.9, tufts));
    float rough = smoothstep(.35, .65, noise.g + .35 * (noise.b - .5) + .35 * (abs(dot(n, v)) - .35));
    t.a *= 1. - tufts * (1. - rough);
    // first pass (soft = 0): opaque strands; second: their transparent rim
    if (soft < .5 ? t.a < cut : t.a >= cut || t.a < .04) discard;
    alpha = soft < .5 ? 1. : t.a / cut;
    float strands = dot(linear(t.rgb), vec3(.25, .6, .15)) / gain;
    strands = mix(1., strands * (.8 + .4 * noise.b), .35 + 1.1 * coarseness);
    vec3 tone = mix(tint, tips, clamp((rest.y - ends.x) / (ends.y - ends.x) + .3 * (noise.b - .5), 0., 1.));
    float temples = smoothstep(.45, .75, abs(rest.x)) * (1. - smoothstep(7.7, 8.1, rest.y));
    float greying = grey * mix(.3, .8, temples), pick = 1. - .6 * clamp(.5 * strands, 0., 1.) - .4 * noise.b;
    float white = step(.0001, grey) * (1. - smoothstep(greying - .05, greying + .3, pick));
    tone = mix(tone, vec3(.60, .59, .58), .65 * white);
    albedo = linear(tone) * mix(.35, 1., clamp(strands, 0., 1.)) * (1. + .45 * clamp(strands - 1., 0., 1.5))
        + .012 * clamp(strands, 0., 1.5);
    float ripple = .8 * sin(rest.y * 10. + 2. * sin(5. * rest.x)) * (1. - smoothstep(7.2, 7.9, rest.y));
    n = normalize(n + vec3(0, wave * ripple, 0));
    wrap = vec3(.5);

#elif defined(FUR)  // occlusion is the level: 0 at the skin, 1 at the tips
    float above = dot(vec4(position, 1), brim);
    if (zone.a > 0. && above > 0. && above < brimHeight) discard;  // under a hat
    vec4 grown = texture(tex, uv) * zone;
    grown.a = smoothstep(scalp.y, scalp.y + .16, grown.a);
    float room = max(max(grown.r, grown.g), max(grown.b, grown.a));
    vec2 place = vec2(atan(rest.x, rest.z - .3) * .31831, rest.y * mix(.10, .32, curl));
    vec4 noise = texture(detail, place * 4.);
    float hair = .9 * noise.b + .1 * noise.g;
    float bare = mix(.52 - .45 * density, .75 - .25 * density, occlusion * occlusion) + .5 * (1. - room);
    if (room < .08 || hair < bare) discard;
    if (dot(n, v) < 0.) n = -n;
    n = normalize(n + vec3(noise.b - .5, .5 * (noise.g - .5), 0));
    float greying = 1. - smoothstep(grey - .05, grey + .25, noise.r * .4 + noise.b * .6);
    albedo = linear(mix(tint, vec3(.66, .65, .64), step(.0001, grey) * greying));
    albedo *= mix(.65, 1.1, occlusion) * (.5 + 1.05 * hair);
    openness = mix(.45, 1., occlusion);
    specular = .25;
    wrap = vec3(.5);

#elif defined(MOUTH)
    albedo = linear(texture(tex, uv).rgb) * tint;
    openness = smoothstep(.75, 1.38, rest.z);
    roughness = .28;
    if (dot(n, v) < 0.) n = -n;

#elif defined(CLOTH)
    // pattern 0 to 1: clothes; below, `sheen` is the gloss: -1 felt, -2 plain; -3 two colours that meet at rest.y =
    // `cut`; and with a relief: -4 a microphone's grille, -5 a knit, -6 the pleats of a mask, -7 a print
    float edge = collar(rest);
    if (pattern >= 0. && edge > 0.) discard;
    float width = 2. + 8. * fract(pattern * 7.31), height = 0.;
    float stripe = pattern > .5 ? smoothstep(.45, .55, abs(fract(rest.y * width) * 2. - 1.)) : 1.;
    if (pattern < -2.5 && pattern > -5.5) stripe = smoothstep(cut - .004, cut + .004, rest.y);
    if (pattern < -6.5) {
        vec2 cell = vec2(atan(rest.x, rest.z - .5), rest.y) * 7.;
        stripe = smoothstep(.30, .36, length(fract(cell + vec2(.5 * mod(floor(cell.y), 2.), 0)) - .5));
    } else if (pattern < -5.5) height = .014 * smoothstep(.0, .25, fract(rest.y * 4.2)) * (1. - fract(rest.y * 4.2));
    else if (pattern < -4.5) height = .007 * sin(rest.x * 46.) * (1. + .3 * sin(rest.y * 90.));
    else if (pattern < -3.5) height = .006 * stripe * sin(rest.x * 110.) * sin(rest.y * 110.);
    vec2 weave = pattern > -1.5 ? rest.xy * 1.2 + rest.z * .5 : rest.xy * 3.;
    float worn = pattern < -1.5 ? .94 + .12 * texture(detail, weave).g : .86 + .28 * texture(detail, weave).g;
    albedo = linear(mix(tint2, tint, stripe)) * worn;
    albedo *= pattern >= 0. ? mix(.72, 1., smoothstep(-.13, -.10, edge)) : 1.;
    albedo *= pattern < -3.5 ? 1. + 30. * height : 1.;
    roughness = pattern < -1.5 ? mix(.65, .2, sheen) : .7;
    specular = pattern < -1.5 ? mix(.35, 1., sheen) : .35;
    if (dot(n, v) < 0.) n = -n;
    n = bumped(n, height);

#elif defined(GLASS)
    albedo = linear(tint);
    roughness = .08;
    alpha = opacity * mix(1., smoothstep(-.4, .3, rest.y), cut);
    if (dot(n, v) < 0.) n = -n;
#endif

    float shade = lit(n), nl = dot(n, key), nr = max(dot(n, rim), 0.), nv = clamp(dot(n, v), 0., 1.);
    vec3 diffuse = max((vec3(nl) + wrap) / (1. + wrap), 0.);
    diffuse *= diffuse * .35 + .65;
    vec3 arriving = mix(vec3(shade), vec3(1), leak) * mix(.4, 1., openness), a = ambient(n) * openness;
    vec3 h = normalize(key + v), hr = normalize(rim + v);
    float nh = clamp(dot(n, h), 0., 1.), nhr = clamp(dot(n, hr), 0., 1.);
    float fresnel = f0 + (1. - f0) * pow(1. - nv, 5.) * .35;
    vec3 shine = specular * openness * (keyColour * shade * max(nl, 0.) * ggx(nh, roughness) * fresnel
        + rimColour * nr * ggx(nhr, roughness) * fresnel + a * fresnel * .5);
#if defined(EYE)
    shine += keyColour * max(shade, .25) * pow(nh, 400.) * .9
        + ambient(reflect(-v, n)) * (.015 + .12 * pow(1. - nv, 3.)) * openness;
#elif defined(HAIR)
    vec3 strand = normalize(cross(n, vec3(.25, 0, 1)) + 1e-5);
    float th = dot(strand, h);
    shine = sheen * keyColour * shade * pow(sqrt(max(1. - th * th, 0.)), 60.) * (albedo * .9 + .02)
        * clamp(nl + .3, 0., 1.);
#endif
    vec3 light = albedo * (a + keyColour * diffuse * arriving + rimColour * nr * mix(.5, 1., openness)) + shine;
#if defined(GLASS)
    // what lenses mirror: the surroundings, and the key lamp as a window
    vec3 mirrored = reflect(-v, n), across = normalize(cross(vec3(0, 1, 0), key));
    vec2 pane = vec2(dot(mirrored, across), dot(mirrored, cross(key, across)));
    float window = step(0., dot(mirrored, key)) * (1. - smoothstep(.20, .26, abs(pane.x)))
        * (1. - smoothstep(.28, .34, abs(pane.y))) * (.35 + .65 * smoothstep(.0, .03, abs(pane.x + .03)));
    shine = (ambient(mirrored) + keyColour * window * 6.) * (.04 + .5 * pow(1. - nv, 4.)) + shine;
    light = albedo * a * .5 + shine;
    float lost = max(max(shine.r, shine.g), shine.b);
    light = (light * alpha + shine * (1. - alpha)) / max(alpha + lost * (1. - alpha), .01);
    alpha = clamp(alpha + lost * (1. - alpha), 0., 1.);
#endif
    color = vec4(developed(light), alpha);
    truth.b = dot(position - camera, forward);
    if (soft > .5) truth.a = 0.;
}
"""

# Depth for the shadow map and the baked occlusion.
DEPTH_VERTEX = """
#version 330
in vec3 in_position, in_rest;
in vec2 in_uv;
uniform mat4 matrix;
out vec2 uv;
out vec3 rest;
void main() {
    uv = in_uv;
    rest = in_rest;
    gl_Position = matrix * vec4(in_position, 1);
}
"""
DEPTH_FRAGMENT = f"""
#version 330
in vec2 uv;
in vec3 rest;
uniform sampler2D tex;
uniform float cut, drape;
{COLLAR}
void main() {{
    if (texture(tex, uv).a < cut || collar(rest) * drape > 0.) discard;
}}
"""

BACKGROUND_VERTEX = """
#version 330
in vec2 in_position;
out vec2 uv;
void main() {
    uv = in_position * .5 + .5;
    gl_Position = vec4(in_position, .9999, 1);
}
"""
BACKGROUND_FRAGMENT = f"""
#version 330
in vec2 uv;
uniform sampler2D tex;
layout(location = 0) out vec4 color;
layout(location = 1) out vec4 truth;
{DEVELOP}
void main() {{
    color = vec4(developed(pow(texture(tex, uv).rgb, vec3(2.2))), 1);
    truth = vec4(0, 0, 1e9, 1);
}}
"""

# Lays what each vertex has out in the atlas.
UNWRAP_VERTEX = """
#version 330
in vec2 in_uv;
in vec4 in_value;
out vec4 value;
void main() {
    value = in_value;
    gl_Position = vec4(in_uv * 2. - 1., 0, 1);
}
"""
UNWRAP_FRAGMENT = """
#version 330
in vec4 value;
out vec4 color;
void main() { color = value; }
"""


def material_fragment(material: str) -> str:
    """Return the fragment shader of one of `MATERIALS`."""
    define = f"#version 330\n#define {material.upper()}\n"
    return define + DEVELOP + MATERIAL_INPUTS + COLLAR + MATERIAL_FUNCTIONS + MATERIAL_MAIN
