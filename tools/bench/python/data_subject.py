"""What a Python pipeline needs to take its turns in the bench: `src/data/protocol.ts` has the other side."""

import json
import os
import sys
import time

import numpy as np

order = json.loads(sys.argv[1])


class Sums:
    """Of the values of an epoch's batches."""

    def __init__(self):
        self.num_values = self.num_labels = 0
        self.values, self.labels = np.zeros(2), np.zeros(2)
        self.mean_labels = []

    def add(self, inputs, labels):
        inputs, labels = (np.asarray(array).ravel() for array in (inputs, labels))
        self.num_values += inputs.size
        self.num_labels += labels.size
        # In float64: a sum of millions in float32 has no digits left for the last.
        self.values += [inputs.sum(dtype=np.float64), np.square(inputs, dtype=np.float64).sum()]
        self.labels += [labels.sum(dtype=np.float64), np.square(labels, dtype=np.float64).sum()]
        if labels.size == order["batchSize"]:
            self.mean_labels.append(labels.mean(dtype=np.float64))

    def statistics(self):
        mean, squares = self.values / self.num_values
        mean_label, label_squares = self.labels / self.num_labels
        return {
            "numSamples": self.num_labels,
            "mean": mean,
            "std": (squares - mean**2) ** 0.5,
            "meanLabel": mean_label,
            "stdLabel": (label_squares - mean_label**2) ** 0.5,
            "labelSpread": float(np.std(self.mean_labels)) if self.mean_labels else 0,
        }


def run(batches, request, started_at):
    """Passes over `batches`, which begins anew whenever it is asked for its iterator."""
    epochs = []
    statistics = None
    for _ in range(request["numEpochs"]):
        sums = Sums()
        waits = []
        num_samples = 0
        iterator = None
        while True:
            before = time.perf_counter()
            # Making the iterator is part of the wait for the first batch.
            iterator = iter(batches) if iterator is None else iterator
            batch = next(iterator, None)
            if batch is None:
                break
            taken_at = time.perf_counter()
            waits.append((taken_at - before) * 1e3)
            inputs, labels = batch
            num_samples += len(labels)
            if request["checks"]:
                sums.add(inputs, labels)
            # Busy, as a step is: whoever wants the processor meanwhile has one core less.
            until = taken_at + request["consumeMs"] / 1e3
            while time.perf_counter() < until:
                pass
        ended_at = time.perf_counter()
        elapsed_ms = (ended_at - started_at) * 1e3
        epochs.append(
            {"numSamples": num_samples, "elapsedMs": elapsed_ms, "waitMs": sum(waits), "firstWaitMs": waits[0]}
        )
        started_at = ended_at
        statistics = sums.statistics() if request["checks"] else None
    return {"epochs": epochs, "statistics": statistics}


def serve(version, open_batches):
    """`open_batches()` returns what can be iterated once an epoch, for pairs of inputs and labels."""

    def reply(**message):
        os.write(3, (json.dumps(message) + "\n").encode())

    try:
        reply(type="loaded", version=version)
        batches = None
        for line in sys.stdin:
            started_at = time.perf_counter()
            if batches is None:
                batches = open_batches()
            reply(type="ran", **run(batches, json.loads(line), started_at))
    except Exception as cause:  # whatever it is, the bench says so
        reply(type="failed", message=f"{type(cause).__name__}: {cause}")
        raise
