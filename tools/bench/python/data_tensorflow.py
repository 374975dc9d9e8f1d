"""tf.data, as its guides write it: every step in parallel and as far ahead as it tunes itself to."""

import math

import tensorflow as tf

from data_subject import order, serve

data = order["data"]
batch_size, num_samples = order["batchSize"], order["numSamples"]
auto = tf.data.AUTOTUNE


def pictures():
    files = tf.data.Dataset.list_files(data["directory"] + "/*/*.jpg", shuffle=True)
    class_names = tf.constant([f"class{label}" for label in range(10)])
    mean, std = tf.constant(data["mean"]), tf.constant(data["std"])
    resized, cropped = data["resized"], data["cropped"]

    def load(path):
        image = tf.io.decode_jpeg(tf.io.read_file(path), channels=3)
        image = tf.image.resize(image, [resized, resized])
        image = tf.image.random_flip_left_right(tf.image.random_crop(image, [cropped, cropped, 3]))
        label = tf.argmax(tf.strings.split(path, "/")[-2] == class_names, output_type=tf.int32)
        return (image / 255 - mean) / std, label

    return files.map(load, num_parallel_calls=auto, deterministic=False).batch(batch_size).prefetch(auto)


def table():
    # Faster than `make_csv_dataset`, which parses each column into a tensor of its own and normalises nothing.
    numbers, categories = data["numbers"], data["categories"]
    mean = tf.constant([column["mean"] for column in numbers], tf.float32)
    std = tf.constant([column["std"] for column in numbers], tf.float32)
    codes = [
        tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(
                column["values"], tf.range(len(column["values"]), dtype=tf.float32), tf.string, tf.float32
            ),
            -1,
        )
        for column in categories
    ]
    defaults = [0.0] * len(numbers) + [""] * len(categories) + [0]

    def parse(lines):
        *features, label = tf.io.decode_csv(lines, defaults)
        values = (tf.stack(features[: len(numbers)], 1) - mean) / std
        coded = [table.lookup(texts) for table, texts in zip(codes, features[len(numbers) :])]
        return tf.concat([values, tf.stack(coded, 1)], 1), label

    # A window, as `make_csv_dataset` has it by default.
    lines = tf.data.TextLineDataset(data["path"]).skip(1).shuffle(10_000)
    return lines.batch(batch_size).map(parse, num_parallel_calls=auto, deterministic=False).prefetch(auto)


def digits():
    # IDX files: 16 and 8 bytes of header.
    with open(data["images"], "rb") as file:
        images = tf.reshape(tf.io.decode_raw(file.read()[16:], tf.uint8), [-1, 28, 28, 1])[:num_samples]
    with open(data["labels"], "rb") as file:
        labels = tf.cast(tf.io.decode_raw(file.read()[8:], tf.uint8), tf.int32)[:num_samples]
    limit, centre = math.radians(data["maxDegrees"]), 27 / 2

    def augment(images, labels):
        count = tf.shape(images)[0]
        angle = tf.random.uniform([count], -limit, limit)
        shift_x, shift_y = (tf.random.uniform([count], -data["maxPixels"], data["maxPixels"]) for _ in range(2))
        cos, sin, zero = tf.cos(angle), tf.sin(angle), tf.zeros([count])
        x, y = -centre - shift_x, -centre - shift_y
        # From where in the image each pixel of the result comes.
        transforms = [cos, sin, cos * x + sin * y + centre, -sin, cos, cos * y - sin * x + centre, zero, zero]
        turned = tf.raw_ops.ImageProjectiveTransformV3(
            images=tf.cast(images, tf.float32),
            transforms=tf.stack(transforms, 1),
            output_shape=[28, 28],
            fill_value=0.0,
            interpolation="BILINEAR",
            fill_mode="CONSTANT",
        )
        return (turned / 255 - data["mean"]) / data["std"], labels

    samples = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(num_samples)
    # A batch at a time, as the guides advise for cheap steps.
    return samples.batch(batch_size).map(augment, num_parallel_calls=auto, deterministic=False).prefetch(auto)


serve(f"TensorFlow {tf.__version__}", {"jpeg": pictures, "csv": table, "mnist": digits}[data["kind"]])
