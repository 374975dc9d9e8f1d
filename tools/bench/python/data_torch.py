"""PyTorch's DataLoader with as many worker processes as there are cores, and torchvision's transforms."""

import numpy as np
import pandas as pd
import torch
from PIL import Image
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler, TensorDataset
from torchvision import datasets, transforms
from torchvision.transforms import InterpolationMode

from data_subject import order, serve

data = order["data"]
batch_size, num_samples = order["batchSize"], order["numSamples"]


def loader(dataset, **options):
    return DataLoader(dataset, num_workers=order["numWorkers"], persistent_workers=True, **options)


def pictures():
    steps = transforms.Compose(
        [
            transforms.Resize((data["resized"], data["resized"])),
            transforms.RandomCrop(data["cropped"]),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(data["mean"], data["std"]),
        ]
    )
    return loader(datasets.ImageFolder(data["directory"], steps), batch_size=batch_size, shuffle=True)


def table():
    frame = pd.read_csv(data["path"])
    columns = [(frame[column["name"]] - column["mean"]) / column["std"] for column in data["numbers"]]
    columns += [
        pd.Categorical(frame[column["name"]], categories=column["values"]).codes for column in data["categories"]
    ]
    inputs = torch.from_numpy(np.stack(columns, 1).astype(np.float32))
    labels = torch.from_numpy(frame[data["label"]].to_numpy(copy=True))
    dataset = TensorDataset(inputs, labels)
    if order["variant"] == "samples":
        return loader(dataset, batch_size=batch_size, shuffle=True)
    return loader(dataset, sampler=BatchSampler(RandomSampler(dataset), batch_size, False), batch_size=None)


class Digits(Dataset):
    """As `datasets.MNIST`, which would download what is there: images for torchvision's transforms one by one."""

    def __init__(self, steps):
        # IDX files: 16 and 8 bytes of header.
        images = np.fromfile(data["images"], np.uint8, offset=16).reshape(-1, 28, 28)
        labels = np.fromfile(data["labels"], np.uint8, offset=8)
        self.images, self.labels = images[:num_samples], labels[:num_samples].astype(np.int64)
        self.steps = steps

    def __len__(self):
        return num_samples

    def __getitem__(self, index):
        return self.steps(Image.fromarray(self.images[index])), self.labels[index]


def digits():
    shift = data["maxPixels"] / 28
    steps = transforms.Compose(
        [
            transforms.RandomAffine(data["maxDegrees"], (shift, shift), interpolation=InterpolationMode.BILINEAR),
            transforms.ToTensor(),
            transforms.Normalize(data["mean"], data["std"]),
        ]
    )
    return loader(Digits(steps), batch_size=batch_size, shuffle=True)


if __name__ == "__main__":
    serve(f"PyTorch {torch.__version__}", {"jpeg": pictures, "csv": table, "mnist": digits}[data["kind"]])
