"""Runs one TensorFlow Lite file with LiteRT; see litert-runtime.ts.

Takes on stdin a line of JSON and then the samples' bytes; gives on stdout a line of JSON and then the outputs' float32 values.
"""

import json
import sys
import time

# Calls that are not counted: the first ones allocate.
NUM_WARM_UPS = 5

request = json.loads(sys.stdin.buffer.readline())
answer = sys.stdout.buffer


def tell(document):
    answer.write(json.dumps(document).encode() + b"\n")


try:
    import numpy
    from ai_edge_litert import __version__, interpreter
except ImportError as error:
    tell({"kind": "missing", "why": str(error)})
    sys.exit(0)


def read_samples():
    shape = [request["numSamples"], *request["shape"]]
    values = numpy.frombuffer(sys.stdin.buffer.read(), dtype=request["dtype"])
    return values.reshape(shape)


def run():
    samples = read_samples()
    start = time.perf_counter()
    model = interpreter.Interpreter(model_path=request["path"], num_threads=request["numThreads"])
    given = model.get_input_details()[0]["index"]
    by_name = {details["name"]: details["index"] for details in model.get_output_details()}
    wanted = [by_name[name] for name in request["outputs"]]
    sizes = {"now": None}

    def call(part):
        if sizes["now"] != len(part):
            model.resize_tensor_input(given, part.shape)
            model.allocate_tensors()
            sizes["now"] = len(part)
        model.set_tensor(given, part)
        model.invoke()

    batch = request["batchSize"]
    call(samples[:batch])
    load_ms = (time.perf_counter() - start) * 1e3
    outputs = [[] for _ in wanted]
    for at in range(0, len(samples), batch):
        call(samples[at : at + batch])
        for values, index in zip(outputs, wanted):
            values.append(model.get_tensor(index).astype(numpy.float32).ravel())
    times = []
    for place in range(request["numTimed"] + NUM_WARM_UPS if request["numTimed"] else 0):
        index = place % len(samples)
        part = samples[index : index + 1]
        start = time.perf_counter()
        call(part)
        if place >= NUM_WARM_UPS:
            times.append((time.perf_counter() - start) * 1e3)
    joined = [numpy.concatenate(values) for values in outputs]
    tell({"kind": "result", "version": __version__, "loadMs": load_ms, "times": times, "sizes": [len(each) for each in joined]})
    for each in joined:
        answer.write(each.tobytes())


try:
    run()
except (RuntimeError, ValueError, KeyError) as error:
    tell({"kind": "refused", "why": str(error)})
