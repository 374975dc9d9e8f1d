"""What a Python peer needs to take its turns in the bench: `src/step/protocol.ts` has the other side."""

import json
import os
import struct
import sys
import time

import numpy as np

order = json.loads(sys.argv[1])


def read_tensors(path):
    """Tensors of a safetensors file by name."""
    with open(path, "rb") as file:
        (header_bytes,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(header_bytes))
        data = file.read()
    dtypes = {"F32": np.float32, "I32": np.int32}
    return {
        name: np.frombuffer(data[slice(*entry["data_offsets"])], dtypes[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
        if name != "__metadata__"
    }


def read_batches():
    tensors = read_tensors(order["batchesPath"])
    return tensors["inputs"], tensors["labels"]


def serve(load, prepare):
    """
    `load()` gets framework and batches into memory and returns (version, batches); `prepare(batches)` returns (number of trained
    values, function of a number of steps that takes them and returns the mean loss).
    """

    def reply(**message):
        os.write(3, (json.dumps(message) + "\n").encode())

    try:
        version, batches = load()
        reply(type="loaded", version=version)
        for line in sys.stdin:
            request = json.loads(line)
            started_at = time.perf_counter()
            if request["type"] == "prepare":
                num_parameters, take_steps = prepare(batches)
                prepare_ms = (time.perf_counter() - started_at) * 1e3
                reply(type="ready", numParameters=num_parameters, prepareMs=prepare_ms)
            else:
                loss = take_steps(request["numSteps"])
                reply(type="stepped", elapsedMs=(time.perf_counter() - started_at) * 1e3, loss=loss)
    except Exception as cause:  # whatever it is, the bench says so
        reply(type="failed", message=f"{type(cause).__name__}: {cause}")
        raise
