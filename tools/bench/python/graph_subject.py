"""Graphs of the same models as one writes them by hand for TensorFlow: fused ops, products in bfloat16 where it pays, gradients
by TensorFlow, its fused Adam, float32 weights. What a compiler is measured against. As "automatic" the same in float32, given to
TensorFlow's automatic mixed precision."""

import numpy as np
import tensorflow as tf
from tensorflow.core.protobuf import rewriter_config_pb2

from subject import order, read_batches, read_tensors, serve

v1 = tf.compat.v1

# Whose choice it is what is computed in bfloat16: that of the code below, or of TensorFlow's own pass over a float32 graph.
is_automatic = order["variant"] == "automatic"
half = tf.float32 if is_automatic else tf.as_dtype(order["precision"])
num_classes = order["numClasses"]
initial = read_tensors(order["weightsPath"])
variables = {}
# Moving averages: no loss asks for them.
updates = []


def variable(name, trainable=True):
    """The master weights, in float32."""
    if name not in variables:
        flat = name.replace("/", "_")
        variables[name] = v1.get_variable(flat, initializer=initial[name], trainable=trainable, use_resource=True)
    return variables[name]


def read(name):
    return tf.cast(variable(name).read_value(), half)


def full(x):
    return tf.cast(x, tf.float32)


def dense(name, x, prefix=""):
    return tf.nn.bias_add(tf.matmul(x, read(f"{name}/{prefix}kernel")), read(f"{name}/{prefix}bias"))


def mlp(x):
    x = tf.cast(x, half)
    return dense("logits", tf.nn.relu(dense("hidden2", tf.nn.relu(dense("hidden1", x)))))


def cnn(x):
    x = tf.cast(x, half)
    for name in ["conv1", "conv2"]:
        x = tf.nn.conv2d(x, read(f"{name}/kernel"), 1, "SAME")
        x = tf.nn.max_pool2d(tf.nn.relu(tf.nn.bias_add(x, read(f"{name}/bias"))), 2, 2, "VALID")
    x = tf.reshape(x, [order["batchSize"], -1])
    return dense("logits", tf.nn.relu(dense("hidden", x)))


def conv_norm(name, x, strides):
    y = tf.nn.conv2d(x, read(f"{name}_conv/kernel"), strides, "SAME")
    gamma, beta = (variable(f"{name}_norm/{part}").read_value() for part in ["gamma", "beta"])
    y, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
        x=y, scale=gamma, offset=beta, mean=[], variance=[], epsilon=1e-3, is_training=True
    )
    for part, now in [("mean", mean), ("variance", variance)]:
        moving = variable(f"{name}_norm/moving_{part}", trainable=False)
        updates.append(moving.assign_sub(0.01 * (moving.read_value() - now)))
    return y


def resnet(x):
    x = tf.nn.relu(conv_norm("stem", tf.cast(x, half), 1))
    for stage in [1, 2, 3]:
        for block in [1, 2, 3]:
            changes = stage > 1 and block == 1
            name, strides = f"stage{stage}_block{block}", 2 if changes else 1
            y = tf.nn.relu(conv_norm(f"{name}_1", x, strides))
            y = conv_norm(f"{name}_2", y, 1)
            x = tf.nn.relu(y + (conv_norm(f"{name}_shortcut", x, strides) if changes else x))
    return dense("logits", tf.reduce_mean(x, [1, 2]))


def layer_norm(name, x):
    """Of rows `[numRows, width]`."""
    x = full(x)
    gamma, beta = (variable(f"{name}/{part}").read_value() for part in ["gamma", "beta"])
    centered = x - tf.reduce_mean(x, -1, keepdims=True)
    variance = tf.reduce_mean(tf.square(centered), -1, keepdims=True)
    return tf.cast(centered * tf.math.rsqrt(variance + 1e-5) * gamma + beta, half)


def attention(name, rows):
    batch, sequence, heads, width = order["batchSize"], 128, 8, 256
    parts = ["query", "key", "value"]

    def project(part):
        projected = tf.reshape(dense(name, rows, f"{part}_"), [batch, sequence, heads, width // heads])
        return tf.transpose(projected, [0, 2, 1, 3])

    query, key, value = (project(part) for part in parts)
    later = np.triu(np.full([sequence, sequence], -1e9, np.float32), 1)
    scores = tf.matmul(query * (width // heads) ** -0.5, key, transpose_b=True)
    attended = tf.matmul(tf.nn.softmax(scores + tf.cast(later, half)), value)
    joined = tf.reshape(tf.transpose(attended, [0, 2, 1, 3]), [batch * sequence, width])
    return dense(name, joined, "attention_output_")


def gelu(x):
    """Exact; the error function has no fast bfloat16 kernel, the products have."""
    return x * tf.cast(0.5 + 0.5 * tf.math.erf(full(x) * 0.5**0.5), half)


def transformer(tokens):
    x = tf.gather(variable("tokens/embeddings").read_value(), tokens) + variable("positions/positions").read_value()
    x = tf.cast(tf.reshape(x, [-1, 256]), half)
    for layer in range(1, 5):
        x += attention(f"attention{layer}", layer_norm(f"attention{layer}_norm", x))
        x += dense(f"narrow{layer}", gelu(dense(f"wide{layer}", layer_norm(f"wide{layer}_norm", x))))
    return dense("logits", layer_norm("logits_norm", x))


def lstm(x):
    """Unrolled; one product for the inputs of all steps. `Unpack`: a slice's gradient is a sum over the whole sequence."""
    batch, units = order["batchSize"], 128
    kernel, recurrent, bias = (read(f"lstm/{part}") for part in ["kernel", "recurrent_kernel", "bias"])
    by_step = tf.reshape(tf.transpose(tf.cast(x, half), [1, 0, 2]), [-1, 32])
    gates_in = tf.nn.bias_add(tf.matmul(by_step, kernel), bias)
    hidden, cell = None, None
    for gates in tf.unstack(tf.reshape(gates_in, [64, batch, 4 * units])):
        if hidden is not None:
            gates += tf.matmul(hidden, recurrent)
        into, forget, new, out = tf.split(full(gates), 4, axis=1)
        kept = 0.0 if cell is None else tf.sigmoid(forget) * cell
        cell = kept + tf.sigmoid(into) * tf.tanh(new)
        hidden = tf.cast(tf.sigmoid(out) * tf.tanh(cell), half)
    return dense("logits", hidden)


def load():
    v1.disable_eager_execution()
    inputs, labels = read_batches()
    size = order["batchSize"]
    starts = range(0, len(labels), size)
    return f"TensorFlow {tf.__version__}", [(inputs[at : at + size], labels[at : at + size]) for at in starts]


def prepare(batches):
    inputs, labels = batches[0]
    x = v1.placeholder(inputs.dtype, inputs.shape)
    y = v1.placeholder(labels.dtype, labels.shape)
    logits = full(globals()[order["workload"]](x))
    loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.reshape(y, [-1]), logits=logits))
    trained = v1.trainable_variables()
    # Dense, an embedding's too: Adam has no fused op for the others.
    gradients = [tf.convert_to_tensor(gradient) for gradient in v1.gradients(loss, trained)]
    adam = v1.train.AdamOptimizer(order["learningRate"], epsilon=1e-7)
    step = tf.group(adam.apply_gradients(zip(gradients, trained)), *updates)
    threads = order["numThreads"]
    config = v1.ConfigProto(intra_op_parallelism_threads=threads)
    if is_automatic:
        on = rewriter_config_pb2.RewriterConfig.ON
        config.graph_options.rewrite_options.auto_mixed_precision_onednn_bfloat16 = on
    session = v1.Session(config=config)
    session.run(v1.global_variables_initializer())
    run = session.make_callable([loss, step], [x, y])

    def take_steps(num_steps):
        return float(np.mean([run(*batch)[0] for batch in batches[:num_steps]]))

    num_parameters = sum(weight.shape.num_elements() for weight in trained)
    return num_parameters, take_steps


serve(load, prepare)
