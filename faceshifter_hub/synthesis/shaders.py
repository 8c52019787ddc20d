"""GLSL programs. Each material has a program of its own: software rendering runs every branch of a run-time
`if`, so branching on a uniform would cost twice the time.

Coordinates called `rest` are those of the unmorphed base mesh: what is painted by them moves with the face. Light is
linear until renderer.py develops the picture.
"""

MATERIALS = ("skin", "eye", "hair", "mouth", "cloth", "glass")

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
in vec2 in_uv;
in float in_occlusion;
uniform mat4 view, projection, shadow;
out vec3 position, normal, rest;
out vec2 uv;
out vec4 shadowPosition;
out float occlusion;
void main() {
    position = in_position;
    normal = in_normal;
    rest = in_rest;
    uv = in_uv;
    occlusion = in_occlusion;
    shadowPosition = shadow * vec4(in_position, 1);
    gl_Position = projection * (view * vec4(in_position, 1));
}
"""

MATERIAL_INPUTS = """
in vec3 position, normal, rest;
in vec2 uv;
in vec4 shadowPosition;
in float occlusion;
layout(location = 0) out vec4 color;
uniform sampler2D tex;
uniform sampler2DShadow shadowMap;
uniform vec3 key, keyColour, rim, rimColour, camera, harmonics[9];
uniform vec3 tint, tint2, stubbleTone, headUp, eyeCentre[2];
uniform float melanin, haemoglobin, seed, freckles, stubble, gain, cut, soft, pattern, opacity, sheen, eyeRadius;
"""

MATERIAL_FUNCTIONS = """
vec3 linear(vec3 c) { return pow(max(c, 0.), vec3(2.2)); }
float hash(vec2 p) {
    p = fract(p * vec2(234.34, 435.345) + seed);
    p += dot(p, p + 34.23);
    return fract(p.x * p.y);
}
float noise(vec2 p) {
    vec2 i = floor(p), f = fract(p);
    f = f * f * (3. - 2. * f);
    return mix(mix(hash(i), hash(i + vec2(1, 0)), f.x), mix(hash(i + vec2(0, 1)), hash(i + vec2(1, 1)), f.x), f.y);
}
vec3 ambient(vec3 n) {
    return max(harmonics[0] + harmonics[1] * n.y + harmonics[2] * n.z + harmonics[3] * n.x + harmonics[4] * n.x * n.y
        + harmonics[5] * n.y * n.z + harmonics[6] * (3. * n.z * n.z - 1.) + harmonics[7] * n.x * n.z
        + harmonics[8] * (n.x * n.x - n.y * n.y), 0.02);
}
float lit(vec3 n) {  // share of the key light that arrives: 3 x 3 percentage-closer filter
    vec3 q = shadowPosition.xyz / shadowPosition.w * .5 + .5;
    if (q.z > 1.) return 1.;
    float sum = 0., bias = .0025 + .004 * (1. - max(dot(n, key), 0.));
    for (int i = -1; i <= 1; i++)
        for (int j = -1; j <= 1; j++)
            sum += texture(shadowMap, vec3(q.xy + vec2(i, j) * 1.5 / 768., q.z - bias));
    return sum / 9.;
}
float ggx(float nh, float roughness) {
    float a = roughness * roughness, a2 = a * a, d = nh * nh * (a2 - 1.) + 1.;
    return a2 / (3.1416 * d * d);
}
"""

# Each sets what the lighting below uses: albedo, roughness, specular, openness (to the sky), alpha, wrap (light that
# creeps round the terminator, as in skin), leak (light in shadows), n (normal).
MATERIAL_MAIN = """
void main() {
    vec3 n = normalize(normal + vec3(0, 1e-6, 0)), v = normalize(camera - position), albedo;
    float roughness = .5, f0 = .04, specular = 1., openness = occlusion, alpha = 1.;
    vec3 wrap = vec3(.05), leak = vec3(.1);

#if defined(SKIN)
    if (collar(rest) < -.10) discard;
    vec3 c = texture(tex, uv).rgb, third = vec3(.33);
    // bumps from the texture's own detail
    vec2 e = vec2(1. / 1024., 0);
    float lx = dot(texture(tex, uv + e.xy).rgb - texture(tex, uv - e.xy).rgb, third);
    float ly = dot(texture(tex, uv + e.yx).rgb - texture(tex, uv - e.yx).rgb, third);
    vec3 dp1 = dFdx(position), dp2 = dFdy(position);
    vec2 d1 = dFdx(uv), d2 = dFdy(uv);
    vec3 p1 = cross(dp2, n), p2 = cross(n, dp1);
    vec3 T = p1 * d1.x + p2 * d2.x, B = p1 * d1.y + p2 * d2.y;
    n = normalize(n - 1.6 * inversesqrt(max(max(dot(T, T), dot(B, B)), 1e-10)) * (lx * T + ly * B));
    // pigments, blotches, freckles
    c = linear(c);
    c = pow(c, vec3(1) + melanin * vec3(.55, .75, .95)) * mix(vec3(1), vec3(1.06, .9, .9), haemoglobin);
    c *= 1. + .08 * (noise(uv * 14.) + .5 * noise(uv * 31.) - .75);
    float spots = smoothstep(.78, .9, noise(uv * 230.)) * smoothstep(.35, .7, noise(uv * 9. + 3.));
    c *= 1. - min(freckles, 1.) * spots * vec3(.2, .36, .44);
    // stubble: cheeks, jaw and upper lip, not the lips
    vec2 lip = (rest.xy - vec2(0, 6.605)) / vec2(.30, .095);
    float ax = abs(rest.x);
    float top = 6.80 + .65 * max(ax - .30, 0.) - .10 * smoothstep(.1, .3, ax) * smoothstep(.75, .5, ax);
    float mask = smoothstep(top + .04, top - .10, rest.y)
        * smoothstep(6.02, 6.16, rest.y - .35 * max(.8 - rest.z, 0.));
    mask *= smoothstep(.7, 1.25, dot(lip, lip)) * smoothstep(-.05, .35, rest.z)
        * smoothstep(6.15, 6.25, rest.y + .35 * rest.z);
    float hairs = mask * stubble * (.45 + .55 * noise(uv * 420.)) * (.6 + .4 * noise(uv * 60.));
    c = mix(c, linear(stubbleTone) * .5 + c * .12, clamp(hairs, 0., .92));
    float under = smoothstep(-.02, .16, collar(rest));
    openness = occlusion * mix(.45, 1., under);
    float luminance = dot(c, vec3(.3, .6, .1)), oil = noise(uv * 90.) * .5 + noise(uv * 200.) * .5;
    albedo = c;
    roughness = mix(.44, .60, oil);
    f0 = .028;
    specular = sheen * mix(.40, .85, smoothstep(.0, .35, luminance)) * smoothstep(.2, .8, occlusion);
    wrap = vec3(.38, .18, .10);
    leak = vec3(.10, .03, .02);

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
    albedo = linear(t.rgb) * mix(tint, vec3(.62), smoothstep(.2, .45, min(t.r, t.b)));
    roughness = .14;
    specular = .35;
    wrap = vec3(.25, .15, .12);
    leak = vec3(.2);

#elif defined(HAIR)
    vec4 t = texture(tex, uv);
    if (dot(n, v) < 0.) n = -n;
    // first pass (soft = 0): opaque strands; second: their transparent rim
    if (soft < .5 ? t.a < cut : t.a >= cut || t.a < .04) discard;
    alpha = soft < .5 ? 1. : t.a / cut;
    float detail = dot(linear(t.rgb), vec3(.25, .6, .15)) / gain;
    albedo = linear(tint) * mix(.35, 1., clamp(detail, 0., 1.)) * (1. + .45 * clamp(detail - 1., 0., 1.5))
        + .012 * clamp(detail, 0., 1.5);
    wrap = vec3(.5);

#elif defined(MOUTH)
    albedo = linear(texture(tex, uv).rgb) * tint;
    openness = smoothstep(.75, 1.38, rest.z);
    roughness = .28;
    if (dot(n, v) < 0.) n = -n;

#elif defined(CLOTH)  // pattern -1: a hat; -2: the frame of glasses
    float edge = collar(rest);
    if (pattern >= 0. && edge > 0.) discard;
    float width = 2. + 8. * fract(pattern * 7.31);
    float stripe = pattern > .5 ? smoothstep(.45, .55, abs(fract(rest.y * width) * 2. - 1.)) : 1.;
    albedo = linear(mix(tint2, tint, stripe)) * (.86 + .28 * noise(rest.xy * 38. + rest.z * 17.) * step(0., pattern));
    albedo *= pattern >= 0. ? mix(.72, 1., smoothstep(-.13, -.10, edge)) : 1.;
    roughness = pattern < -1.5 ? .25 : .7;
    specular = pattern < -1.5 ? 1. : .35;
    if (dot(n, v) < 0.) n = -n;

#elif defined(GLASS)
    albedo = linear(tint);
    roughness = .08;
    alpha = opacity;
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
    light = albedo * a * .5 + shine * 3.;
    alpha = clamp(opacity + max(max(shine.r, shine.g), shine.b) * 2., 0., 1.);
#endif
    color = vec4(clamp(light, 0., 60.), alpha);
}
"""

# Depth for the shadow map and the baked occlusion; with a colour attachment, label numbers.
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
uniform float cut, label, drape;
layout(location = 0) out vec4 color;
{COLLAR}
void main() {{
    if (texture(tex, uv).a < cut || collar(rest) * drape > 0.) discard;
    color = vec4(label / 255.);
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
BACKGROUND_FRAGMENT = """
#version 330
in vec2 uv;
uniform sampler2D tex;
out vec4 color;
void main() { color = vec4(pow(texture(tex, uv).rgb, vec3(2.2)), 1); }
"""


def material_fragment(material: str) -> str:
    """Return the fragment shader of one of `MATERIALS`."""
    define = f"#version 330\n#define {material.upper()}\n"
    return define + MATERIAL_INPUTS + COLLAR + MATERIAL_FUNCTIONS + MATERIAL_MAIN
