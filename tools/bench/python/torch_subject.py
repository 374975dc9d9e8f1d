"""PyTorch: the models of `src/step/models`, with the same initial weights in PyTorch's layouts."""

import torch
from torch import nn
from torch.nn import functional as F

from subject import order, read_batches, read_tensors, serve

num_classes = order["numClasses"]


class Named(nn.Module):
    """Its parts bear the names of the layers of `src/step/models`."""

    def __init__(self, **parts):
        super().__init__()
        for name, part in parts.items():
            self.add_module(name, part)


class Mlp(Named):
    def __init__(self):
        super().__init__(hidden1=nn.Linear(32, 256), hidden2=nn.Linear(256, 256), logits=nn.Linear(256, num_classes))

    def forward(self, x):
        return self.logits(F.relu(self.hidden2(F.relu(self.hidden1(x)))))


class Cnn(Named):
    def __init__(self):
        super().__init__(
            conv1=nn.Conv2d(1, 32, 3, padding=1),
            conv2=nn.Conv2d(32, 64, 3, padding=1),
            hidden=nn.Linear(7 * 7 * 64, 256),
            logits=nn.Linear(256, num_classes),
        )

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.logits(F.relu(self.hidden(x.flatten(1))))


def norm(filters):
    # The moving averages' momentum the other way round, and Keras's epsilon.
    return nn.BatchNorm2d(filters, eps=1e-3, momentum=0.01)


class Residual(nn.Module):
    def __init__(self, num_in, filters, changes):
        super().__init__()
        stride = 2 if changes else 1
        self.conv1, self.norm1 = nn.Conv2d(num_in, filters, 3, stride, padding=1, bias=False), norm(filters)
        self.conv2, self.norm2 = nn.Conv2d(filters, filters, 3, padding=1, bias=False), norm(filters)
        self.changes = changes
        if changes:
            self.shortcut, self.shortcut_norm = nn.Conv2d(num_in, filters, 1, stride, bias=False), norm(filters)

    def forward(self, x):
        y = self.norm2(self.conv2(F.relu(self.norm1(self.conv1(x)))))
        return F.relu(y + (self.shortcut_norm(self.shortcut(x)) if self.changes else x))


class Resnet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(3, 16, 3, padding=1, bias=False), norm(16)
        self.blocks = nn.Sequential(
            *(
                Residual(16 * 2 ** max(0, stage - (block == 0)), 16 * 2**stage, stage > 0 and block == 0)
                for stage in range(3)
                for block in range(3)
            )
        )
        self.logits = nn.Linear(64, num_classes)

    def forward(self, x):
        return self.logits(self.blocks(F.relu(self.stem_norm(self.stem(x)))).mean((2, 3)))


class Layer(Named):
    def __init__(self, width):
        super().__init__(
            attention_norm=nn.LayerNorm(width),
            query_key_value=nn.Linear(width, 3 * width),
            attention_output=nn.Linear(width, width),
            wide_norm=nn.LayerNorm(width),
            wide=nn.Linear(width, 4 * width),
            narrow=nn.Linear(4 * width, width),
        )

    def forward(self, x):
        batch, sequence, width = x.shape
        joined = self.query_key_value(self.attention_norm(x)).view(batch, sequence, 3, 8, width // 8)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(query, key, value, is_causal=True)
        x = x + self.attention_output(attended.transpose(1, 2).reshape(batch, sequence, width))
        return x + self.narrow(F.gelu(self.wide(self.wide_norm(x))))


class Transformer(nn.Module):
    def __init__(self, width=256):
        super().__init__()
        self.tokens = nn.Embedding(num_classes, width)
        self.positions = nn.Parameter(torch.empty(128, width))
        self.blocks = nn.Sequential(*(Layer(width) for _ in range(4)))
        self.logits_norm = nn.LayerNorm(width)
        self.logits = nn.Linear(width, num_classes)

    def forward(self, tokens):
        return self.logits(self.logits_norm(self.blocks(self.tokens(tokens) + self.positions)))


class Lstm(Named):
    def __init__(self):
        super().__init__(lstm=nn.LSTM(32, 128, batch_first=True), logits=nn.Linear(128, num_classes))
        # PyTorch has two biases whose sum counts: the second is neither trained nor counted.
        self.lstm.bias_hh_l0.requires_grad_(False).zero_()

    def forward(self, x):
        return self.logits(self.lstm(x)[0][:, -1])


class Deepconv(Named):
    def __init__(self):
        convs = {f"conv{layer}": nn.Conv2d(32, 32, 3, padding=1) for layer in range(1, 25)}
        super().__init__(**convs, logits=nn.Linear(32, num_classes))

    def forward(self, x):
        for layer in range(1, 25):
            x = F.relu(self.get_submodule(f"conv{layer}")(x))
        return self.logits(x.mean((2, 3)))


def load_linear(target, weights, name, prefix=""):
    target.weight.copy_(weights[f"{name}/{prefix}kernel"].T)
    target.bias.copy_(weights[f"{name}/{prefix}bias"])


def load_conv(target, weights, name):
    target.weight.copy_(weights[f"{name}/kernel"].permute(3, 2, 0, 1))
    if target.bias is not None:
        target.bias.copy_(weights[f"{name}/bias"])


def load_norm(target, weights, name):
    target.weight.copy_(weights[f"{name}/gamma"])
    target.bias.copy_(weights[f"{name}/beta"])


def load_mlp(model, weights):
    for name in ["hidden1", "hidden2", "logits"]:
        load_linear(model.get_submodule(name), weights, name)


def load_cnn(model, weights):
    load_conv(model.conv1, weights, "conv1")
    load_conv(model.conv2, weights, "conv2")
    load_linear(model.hidden, weights, "hidden")
    # Flattened channels first here, last there.
    kernel = weights["hidden/kernel"].reshape(7, 7, 64, 256)
    model.hidden.weight.copy_(kernel.permute(3, 2, 0, 1).reshape(256, 7 * 7 * 64))
    load_linear(model.logits, weights, "logits")


def load_resnet(model, weights):
    load_conv(model.stem, weights, "stem_conv")
    load_norm(model.stem_norm, weights, "stem_norm")
    for index, block in enumerate(model.blocks):
        name = f"stage{index // 3 + 1}_block{index % 3 + 1}"
        for part in [1, 2]:
            load_conv(getattr(block, f"conv{part}"), weights, f"{name}_{part}_conv")
            load_norm(getattr(block, f"norm{part}"), weights, f"{name}_{part}_norm")
        if block.changes:
            load_conv(block.shortcut, weights, f"{name}_shortcut_conv")
            load_norm(block.shortcut_norm, weights, f"{name}_shortcut_norm")
    load_linear(model.logits, weights, "logits")


def load_transformer(model, weights):
    model.tokens.weight.copy_(weights["tokens/embeddings"])
    model.positions.copy_(weights["positions/positions"])
    for index, block in enumerate(model.blocks):
        attention, wide, narrow = (f"{part}{index + 1}" for part in ["attention", "wide", "narrow"])
        joined = ["query", "key", "value"]
        block.query_key_value.weight.copy_(torch.cat([weights[f"{attention}/{part}_kernel"].T for part in joined]))
        block.query_key_value.bias.copy_(torch.cat([weights[f"{attention}/{part}_bias"] for part in joined]))
        load_linear(block.attention_output, weights, attention, "attention_output_")
        load_norm(block.attention_norm, weights, f"{attention}_norm")
        load_norm(block.wide_norm, weights, f"{wide}_norm")
        load_linear(block.wide, weights, wide)
        load_linear(block.narrow, weights, narrow)
    load_norm(model.logits_norm, weights, "logits_norm")
    load_linear(model.logits, weights, "logits")


def load_deepconv(model, weights):
    for layer in range(1, 25):
        load_conv(model.get_submodule(f"conv{layer}"), weights, f"conv{layer}")
    load_linear(model.logits, weights, "logits")


def load_lstm(model, weights):
    model.lstm.weight_ih_l0.copy_(weights["lstm/kernel"].T)
    model.lstm.weight_hh_l0.copy_(weights["lstm/recurrent_kernel"].T)
    model.lstm.bias_ih_l0.copy_(weights["lstm/bias"])
    load_linear(model.logits, weights, "logits")


def load():
    torch.set_num_threads(order["numThreads"])
    inputs, labels = (torch.from_numpy(array.copy()) for array in read_batches())
    if inputs.dim() == 4:
        # A view: channels stay last in memory.
        inputs = inputs.permute(0, 3, 1, 2)
    batches = list(zip(inputs.split(order["batchSize"]), labels.long().split(order["batchSize"])))
    return f"PyTorch {torch.__version__}", batches


def prepare(batches):
    name = order["workload"]
    model = globals()[name.capitalize()]()
    weights = {key: torch.from_numpy(array.copy()) for key, array in read_tensors(order["weightsPath"]).items()}
    with torch.no_grad():
        globals()[f"load_{name}"](model, weights)
    if name in ["cnn", "resnet", "deepconv"]:
        model = model.to(memory_format=torch.channels_last)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    run = torch.compile(model) if order["variant"] == "compile" else model
    optimizer = torch.optim.Adam(trained, order["learningRate"], eps=1e-7, fused=True)
    dtype = getattr(torch, order["precision"])

    def take_steps(num_steps):
        total = torch.zeros(())
        for x, y in batches[:num_steps]:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cpu", dtype=dtype, enabled=dtype != torch.float32):
                loss = F.cross_entropy(run(x).flatten(0, -2), y.flatten())
            loss.backward()
            optimizer.step()
            total += loss.detach()
        return total.item() / num_steps

    return sum(parameter.numel() for parameter in trained), take_steps


serve(load, prepare)
