"""Breaks the code on purpose, and says whether the tests see it.

    python tests/mutations.py            # all; an hour on one core
    python tests/mutations.py 3 17       # some of them

Each mutation changes one place of a copy of the package. It is caught if the tests that
are named with it fail there. The exit code is the number of those that live on.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).parents[1]
SIGNS = "test_conventions.py test_peers.py"
SIZES = "layers/geometry/test_sizes.py"
CHOICE = "layers/mixes/test_choice_of_mixes.py"
STAGES = "layers/pixels/test_curves_and_stages.py"
PUBLISHED = "published"
MIXES = "layers/mixes/test_mixes.py"
WARP = "kernels/test_warp.py"
BY_AXES = "kernels/test_shrinking.py::test_bicubic_axis_by_axis"
WINDOWS = "layers/geometry/test_windows.py"
COLORS = (
    "kernels/test_pixels.py "
    "layers/pixels/test_colors.py layers/pixels/test_color_formats.py"
)
TARGETS = "kernels/targets plan/test_transform.py plan/test_transform_of_fields.py"
MIRRORED = "layers/groups/test_fused_in_models.py::test_mirrored_strategy"
MUTATIONS = [
    # the module, what it says, what it shall say, the tests that must see it
    ("kernels/matrices", "(1.0, 0.0, -dx)", "(1.0, 0.0, dx)", SIGNS),
    (
        "kernels/matrices",
        "(cos, -sin, 0.0), (sin, cos",
        "(cos, sin, 0.0), (-sin, cos",
        SIGNS,
    ),
    (
        "kernels/matrices",
        "return (width - 1.0) / 2.0",
        "return width / 2.0",
        "test_exact.py",
    ),
    ("kernels/matrices", "- quarters / 4.0", "- 0.0 * quarters", "test_exact.py"),
    (
        "kernels/matrices",
        "a[:, :, :, tf.newaxis] * b[",
        "b[:, :, :, tf.newaxis] * a[",
        "layers/groups",
    ),
    (
        "kernels/places",
        "Places(x / depth + 0.5, y / depth + 0.5",
        "Places(x + 0.5, y + 0.5",
        WARP,
    ),
    (
        "kernels/taps",
        "tf.abs(x - 2.0 * n * tf",
        "(x - 2.0 * n * tf",
        WARP,
    ),
    ("kernels/warp", "finite & inside", "finite", WARP),
    (
        "kernels/taps",
        "inside *= 1.0 / tf",
        "inside *= 1.0 + 0.0 * tf",
        WINDOWS,
    ),
    (
        "kernels/hidden",
        "+ channel > channel",
        "+ channel > 0.0",
        WARP,
    ),
    (
        "kernels/taps",
        "to_int(x, 1, size - step) - 1",
        "to_int(x, 1, size) - 1",
        WARP,
    ),
    (
        "kernels/warp",
        "up * right * b + down * left * c",
        "up * right * c + down * left * b",
        WARP,
    ),
    (
        "kernels/rounding",
        "tf.minimum(bits, _ROUNDER_BITS + high) - _ROUNDER_BITS",
        "bits - _ROUNDER_BITS",
        f"{WARP} kernels/test_planes.py",
    ),
    (
        "kernels/rounding",
        "tf.maximum(bits, zero + low) - zero",
        "bits - zero",
        "kernels/test_planes.py",
    ),
    (
        "kernels/planes",
        "value *= weight * tf.cast(column.weight[..., asker], dtype)",
        "value *= weight",
        "kernels/test_planes.py",
    ),
    (
        "kernels/planes",
        "plane += (1.0 - tf",
        "plane += (0.0 * tf",
        "kernels/test_planes.py",
    ),
    (
        "kernels/places",
        "m[:, i, 1] * v + last[i]",
        "m[:, i, 1] * v",
        WARP,
    ),
    (
        "kernels/askers",
        "tf.broadcast_to(product, shape) + row",
        "tf.broadcast_to(product, shape)",
        "kernels/test_planes.py",
    ),
    (
        "kernels/picks",
        "tf.where(inside, pick.of_partner(row)",
        "tf.where(~inside, pick.of_partner(row)",
        "kernels/test_picks.py",
    ),
    (
        "kernels/picks",
        "else inside & for_all_axes(only, y)",
        "else inside",
        "kernels/test_picks.py",
    ),
    (
        "kernels/pixels",
        "limits = None if changes and place == 0 else now",
        "limits = None if changes else now",
        "layers/pixels/test_curves_and_stages.py",
    ),
    (
        "kernels/hidden",
        "hidden(column, tf.bitwise",
        "hidden(column + 1, tf.bitwise",
        "kernels/test_picks.py",
    ),
    (
        "kernels/fields",
        "(4.0 + way**2 * (3.0 * way - 6.0)) / 6.0",
        "(4.0 + way**2 * (3.0 * back - 6.0)) / 6.0",
        "test_gpu_forms.py::test_gradients[RandomElasticTransform]",
    ),
    (
        "kernels/taps",
        "(1.5 * t - 2.5)",
        "(1.5 * t - 2.0)",
        WINDOWS,
    ),
    (
        "kernels/taps",
        "return values + (1.0 - tf.cast(cover, values.dtype)) * fill",
        "return values",
        f"{WINDOWS} {SIZES}",
    ),
    (
        "kernels/upright",
        "tf.float32) + 0.5) + edge",
        "tf.float32)) + edge",
        SIZES,
    ),
    (
        "kernels/upright",
        "tf.constant(SIDES) * own",
        "tf.constant(SIDES) * own * 2.0",
        "kernels/test_shrinking.py",
    ),
    (
        "kernels/upright",
        "ends - _MARGIN",
        "ends + 9.0",
        WINDOWS,
    ),
    ("kernels/picks", "theirs, own)", "own, theirs)", "kernels/test_picks.py"),
    ("plan/plan", "in firsts:", "in ():", "plan/test_for_other_images.py"),
    ("plan/plan", "latest - places[0] if", "0 if", "plan/test_for_other_images.py"),
    (
        "kernels/targets/moving",
        "before = depth > NEAR",
        "before = depth > 9.0",
        TARGETS,
    ),
    ("kernels/shrinking", "if most == 0:", "if True:", "kernels/test_shrinking.py"),
    (
        "kernels/shrinking",
        "(part - 1.0) / 2.0",
        "part / 2.0",
        "kernels/test_shrinking.py",
    ),
    (
        "kernels/flat",
        "self.starts - begin",
        "self.starts + 0 * begin",
        "plan/test_unsized.py",
    ),
    ("kernels/flat", "NEIGHBOURS = 2.0", "NEIGHBOURS = -4.0", "plan/test_unsized.py"),
    (
        "kernels/fields",
        "(far**3 - 4.0 * near**3) / 6.0\n\n\ndef _disp",
        "(far**3 - 4.0 * near**3) / 5.0\n\n\ndef _disp",
        "kernels/test_fields.py",
    ),
    ("kernels/fields", "at_x -= tf.clip", "at_x += tf.clip", "kernels/test_fields.py"),
    (
        "kernels/rounding",
        "return tf.round(values) if rounds and dtype.is_integer else values",
        "return values",
        "test_dtypes.py",
    ),
    (
        "kernels/pixels",
        "for step in (after, first))",
        "for step in (first, after))",
        COLORS,
    ),
    (
        "kernels/pixels",
        "tf.roll(eye, turn, axis=1)",
        "tf.roll(eye, -turn, axis=1)",
        COLORS,
    ),
    (
        "kernels/pixels",
        "tf.roll(row, -turn, axis=axis)",
        "tf.roll(row, turn, axis=axis)",
        COLORS,
    ),
    ("kernels/pixels", "if function.stored:", "if False:", STAGES),
    (
        "kernels/measured",
        "statistic = _of_color(before, statistic)",
        "pass",
        COLORS,
    ),
    (
        "kernels/measured",
        "tf.cast(height, dtype), tf.cast(width, dtype)",
        "tf.cast(height, dtype), tf.cast(height, dtype)",
        COLORS,
    ),
    (
        "kernels/rounding",
        "float(dtype.max - (1 << max(bits - mantissa, 0)) + 1)",
        "float(dtype.max)",
        "kernels/test_pixels.py",
    ),
    ("kernels/stages", "made, images)", "made, made)", STAGES),
    ("kernels/stages", "call(before, **rows)", "call(images, **rows)", CHOICE),
    (
        "kernels/followers",
        "either(boxes.corners, others.corners)",
        "others.corners",
        CHOICE,
    ),
    ("kernels/passes", "            before = images\n", "", CHOICE),
    (
        "kernels/passes",
        "few.row_of(x, places)",
        "few.row_of(x, places * 0)",
        "kernels/test_shrinking.py",
    ),
    ("kernels/straight", "0.0) |", "0.0) &", "kernels/test_straight.py"),
    (
        "kernels/taps",
        "weights = [0.5 * (one + other)",
        "weights = [one",
        f"{BY_AXES}_in_a_list",
    ),
    (
        "kernels/separable",
        "1.0 - 2.0 * reach",
        "1.0 - 0.0 * reach",
        WINDOWS,
    ),
    ("kernels/separable", "number * height + row", "row", BY_AXES),
    (
        "kernels/pyramid",
        "-(-height // parts), -(-width // parts)",
        "height // parts, width // parts",
        BY_AXES,
    ),
    (
        "kernels/few",
        "places = tf.gather(order, numbers)",
        "places = numbers",
        f"kernels/test_shrinking.py {STAGES}",
    ),
    (
        "kernels/either",
        "mask = tf.reshape(tf.equal(chosen, number)",
        "mask = tf.reshape(tf.equal(chosen, number + 1)",
        "test_gpu_forms.py::test_every_other_layer[RandAugment]",
    ),
    (
        "kernels/labels",
        "smoothing / classes",
        "smoothing",
        MIXES,
    ),
    (
        "kernels/checked",
        "(tf.shape(x)[:axes]",
        "(tf.shape(x)[:1]",
        "kernels/targets/test_unknown_numbers_of_boxes.py",
    ),
    ("kernels/again", "np.array_equal(one, other)", "True", "kernels/test_register.py"),
    (
        "kernels/noise",
        "values / values.std()",
        "2.0 * values / values.std()",
        f"{STAGES} layers/pixels/test_erasing.py {PUBLISHED}",
    ),
    (
        "kernels/program",
        "product(program[-1], step) if",
        "product(step, program[-1]) if",
        COLORS,
    ),
    (
        "kernels/program",
        "program and program[-1].only is None and step.only is None",
        "program",
        "kernels/test_pixels.py layers/groups/test_choice.py",
    ),
    (
        "kernels/program",
        "chosen = for_all_axes(mask,",
        "chosen = for_all_axes(~mask,",
        "layers/groups/test_choice.py",
    ),
    (
        "kernels/targets/formats",
        "return centres + 0.5",
        "return centres",
        TARGETS,
    ),
    (
        "kernels/targets/moving",
        "tf.abs(moved - within) > TOUCHING",
        "tf.abs(moved - within) > 1.0",
        TARGETS,
    ),
    (
        "kernels/targets/moving",
        "[[-1, -1], [1, -1], [1, 1], [-1, 1]]",
        "[[-1, -1], [1, -1], [1, 1], [1, 1]]",
        TARGETS,
    ),
    (
        "kernels/targets/moving",
        "visible >= min_visibility - ROUNDING",
        "visible >= 0.0",
        TARGETS,
    ),
    (
        "plan/strides",
        "* stride + stride // 2",
        "* stride",
        "plan/test_strides.py",
    ),
    (
        "plan/random_numbers",
        "drawn, tf.constant(3, tf.uint32)",
        "drawn, tf.constant(4, tf.uint32)",
        "test_distributions.py",
    ),
    (
        "plan/random_numbers",
        "cast(stream, tf.int64) * 2**32",
        "cast(stream, tf.int64) * 0",
        f"test_distributions.py {MIRRORED}",
    ),
    (
        "plan/random_numbers",
        "low0, high0 = split(x0",
        "low0, high0 = split(x1",
        "test_distributions.py",
    ),
    (
        "plan/random_numbers",
        "_PAGE_STRIDE = 2**25",
        "_PAGE_STRIDE = 2**24",
        "test_distributions.py",
    ),
    (
        "layers/streams",
        "at = len(states) - 1, _path(member)",
        "at = owner, (*path, place)",
        "layers/groups",
    ),
    (
        "layers/streams",
        "folds.append(random_numbers.fold(*at[1]))",
        "folds.append(random_numbers.fold())",
        "layers/groups",
    ),
    (
        "layers/streams",
        "_folded(origin, random_numbers.SEED, layer.seed)",
        "_folded(origin, layer.seed)",
        "layers/test_streams.py",
    ),
    (
        "plan/unsized",
        "if not training and not in_tf_data():",
        "if False:",
        "plan/test_unsized.py",
    ),
    ("plan/chain", "if not chain.here():", "if False:", "plan/test_chain.py"),
    ("layers/pixels/contrast", "(1.0 - gain) * mean", "(1.0 + gain) * mean", COLORS),
    ("layers/pixels/equalization", "(step // 2 + below)", "below", STAGES),
    ("layers/pixels/solarization", "x >= threshold", "x > threshold", STAGES),
    ("layers/pixels/sharpness", "4.0 * own) / 13.0", "5.0 * own) / 14.0", STAGES),
    ("layers/pixels/hsv", "(5.0, 3.0, 1.0)", "(5.0, 1.0, 3.0)", STAGES),
    ("kernels/products", "low_a, high_b", "low_a, low_b", "kernels/test_products.py"),
    (
        "layers/mixes/cut_mix",
        "(y < bottom) & (x >= left)",
        "(y <= bottom) & (x >= left)",
        MIXES,
    ),
    (
        "layers/mixes/mix_up",
        "own + rest * (other - own)",
        "other + rest * (own - other)",
        MIXES,
    ),
    (
        "layers/pixels/erasing",
        "pixels * (1.0 - where) +",
        "pixels +",
        "layers/pixels/test_erasing.py",
    ),
    (
        "kernels/condition",
        "    if deriving():\n        for place",
        "    if False:\n        for place",
        STAGES,
    ),
    (
        "kernels/derivative",
        'entry["type"] = of_op',
        'entry["type"] = gradient',
        "kernels/test_derivative.py",
    ),
]


def caught(module, old, new, tests):
    """Whether the tests fail once `old` became `new`."""
    with tempfile.TemporaryDirectory() as folder:
        copy = pathlib.Path(folder)
        skip = shutil.ignore_patterns(".*", "notebooks", "__pycache__")
        shutil.copytree(ROOT, copy, dirs_exist_ok=True, ignore=skip)
        path = copy / "keras_aug_layers" / f"{module}.py"
        text = path.read_text()
        if text.count(old) != 1:
            sys.exit(f"{module}.py must have {old!r} once, not {text.count(old)} times")
        path.write_text(text.replace(old, new))
        command = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-m", ""]
        command += ["-p", "no:cacheprovider", *(f"tests/{x}" for x in tests.split())]
        # The copy comes first on the path: pytest is run in it as a module.
        process = subprocess.run(command, cwd=copy, capture_output=True, text=True)
        if process.returncode not in (0, 1):
            sys.exit(process.stdout + process.stderr)
        return process.returncode == 1


def main():
    """Runs those whose numbers are given, or all."""
    chosen = [int(x) for x in sys.argv[1:]] or range(1, len(MUTATIONS) + 1)
    alive = 0
    for number in chosen:
        module, old, new, tests = MUTATIONS[number - 1]
        seen = caught(module, old, new, tests)
        alive += not seen
        verdict = "caught" if seen else "LIVES"
        print(f"{number:2} {verdict}  {module}: {old}  ->  {new}", flush=True)
    print(f"{alive} of {len(chosen)} live")
    sys.exit(alive)


if __name__ == "__main__":
    main()
