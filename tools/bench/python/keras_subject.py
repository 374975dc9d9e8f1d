"""Keras on TensorFlow: the models of `src/step/models`, with layers and weights of the same names."""

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from subject import order, read_batches, read_tensors, serve


def mlp():
    return keras.Sequential(
        [
            keras.Input((32,)),
            layers.Dense(256, activation="relu", name="hidden1"),
            layers.Dense(256, activation="relu", name="hidden2"),
            layers.Dense(order["numClasses"], name="logits"),
        ]
    )


def cnn():
    return keras.Sequential(
        [
            keras.Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu", name="conv1"),
            layers.MaxPool2D(2),
            layers.Conv2D(64, 3, padding="same", activation="relu", name="conv2"),
            layers.MaxPool2D(2),
            layers.Flatten(),
            layers.Dense(256, activation="relu", name="hidden"),
            layers.Dense(order["numClasses"], name="logits"),
        ]
    )


def resnet():
    def conv(name, x, filters, size, strides):
        x = layers.Conv2D(filters, size, strides, padding="same", use_bias=False, name=f"{name}_conv")(x)
        return layers.BatchNormalization(name=f"{name}_norm")(x)

    image = keras.Input((32, 32, 3))
    x = layers.ReLU()(conv("stem", image, 16, 3, 1))
    for stage, filters in enumerate([16, 32, 64]):
        for block in range(3):
            changes = stage > 0 and block == 0
            name, strides = f"stage{stage + 1}_block{block + 1}", 2 if changes else 1
            y = layers.ReLU()(conv(f"{name}_1", x, filters, 3, strides))
            y = conv(f"{name}_2", y, filters, 3, 1)
            shortcut = conv(f"{name}_shortcut", x, filters, 1, strides) if changes else x
            x = layers.ReLU()(layers.Add()([shortcut, y]))
    logits = layers.Dense(order["numClasses"], name="logits")(layers.GlobalAveragePooling2D()(x))
    return keras.Model(image, logits)


@keras.saving.register_keras_serializable()
class AddPositions(layers.Layer):
    def build(self, shape):
        self.positions = self.add_weight(shape=shape[1:], name="positions")

    def call(self, x):
        return x + self.positions


def transformer():
    width = 256
    tokens = keras.Input((128,), dtype="int32")
    x = layers.Embedding(order["numClasses"], width, name="tokens")(tokens)
    x = AddPositions(name="positions")(x)
    for layer in range(1, 5):
        y = layers.LayerNormalization(epsilon=1e-5, name=f"attention{layer}_norm")(x)
        attention = layers.MultiHeadAttention(8, width // 8, name=f"attention{layer}")
        x = layers.Add()([x, attention(y, y, use_causal_mask=True)])
        y = layers.LayerNormalization(epsilon=1e-5, name=f"wide{layer}_norm")(x)
        y = layers.Dense(4 * width, activation="gelu", name=f"wide{layer}")(y)
        x = layers.Add()([x, layers.Dense(width, name=f"narrow{layer}")(y)])
    y = layers.LayerNormalization(epsilon=1e-5, name="logits_norm")(x)
    return keras.Model(tokens, layers.Dense(order["numClasses"], name="logits")(y))


def lstm():
    return keras.Sequential(
        [keras.Input((64, 32)), layers.LSTM(128, name="lstm"), layers.Dense(order["numClasses"], name="logits")]
    )


def deepconv():
    image = keras.Input((32, 32, 32))
    x = image
    for layer in range(1, 25):
        x = layers.Conv2D(32, 3, padding="same", activation="relu", name=f"conv{layer}")(x)
    return keras.Model(image, layers.Dense(order["numClasses"], name="logits")(layers.GlobalAveragePooling2D()(x)))


def load_weights(model):
    tensors = read_tensors(order["weightsPath"])
    for layer in model.layers:
        for weight in layer.weights:
            *parts, last = weight.path.rpartition(f"{layer.name}/")[2].split("/")
            name = "_".join([*(part for part in parts if part != "lstm_cell"), last])
            weight.assign(tensors.pop(f"{layer.name}/{name}").reshape(weight.shape))
    assert not tensors, f"no layer has {sorted(tensors)}"


def load():
    tf.config.threading.set_intra_op_parallelism_threads(order["numThreads"])
    if order["precision"] != "float32":
        keras.mixed_precision.set_global_policy(f"mixed_{order['precision']}")
    inputs, labels = read_batches()
    batches = tf.data.Dataset.from_tensor_slices((inputs, labels)).batch(order["batchSize"]).prefetch(2)
    return f"Keras {keras.__version__}, TensorFlow {tf.__version__}", batches


def prepare(batches):
    model = globals()[order["workload"]]()
    load_weights(model)
    # This Adam squares an embedding's gradients before it adds those of one token, so from step 2 on the transformer's loss
    # differs from the others' (4.79 where they have 4.86). As its users have it, it stays.
    model.compile(
        keras.optimizers.Adam(order["learningRate"]),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        jit_compile=order["variant"] == "jit",
    )
    # What fit() does for each batch, without what it does around an epoch.
    model.make_train_function()

    def take_steps(num_steps):
        model.reset_metrics()
        iterator = iter(batches)
        for _ in range(num_steps):
            logs = model.train_function(iterator)
        return float(logs["loss"])

    num_parameters = sum(int(np.prod(weight.shape)) for weight in model.trainable_weights)
    return num_parameters, take_steps


serve(load, prepare)
