"""The course lab's own training, as its slides have it (D0:60-260): what ours is measured against."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

DEGREES, PROBABILITY = 10, 0.3


class XRays(Dataset[tuple[Tensor, int]]):
    """Images read, resized and scaled one by one, each time; those of training rotated now and then."""

    def __init__(self, files: list[Path], labels: list[int], size: int, *, train: bool) -> None:
        self.files, self.labels, self.size, self.train = files, labels, size, train

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, at: int) -> tuple[Tensor, int]:
        image = Image.open(self.files[at]).resize((self.size, self.size))
        if self.train and np.random.rand() < PROBABILITY:
            image = image.rotate(np.random.uniform(-DEGREES, DEGREES))
        pixels = np.asarray(image)
        low, high = pixels.min(), pixels.max()
        scaled = (pixels - low) / (high - low + 1e-4)
        return torch.tensor(scaled).unsqueeze(0).float(), self.labels[at]


class Network(nn.Module):
    """Its CNN with batch normalisation."""

    def __init__(self) -> None:
        super().__init__()
        widths, strides = (1, 16, 32, 64, 128, 256), (2, 2, 3, 3, 1)
        layers: list[nn.Module] = []
        for at, stride in enumerate(strides):
            padding = int(at in (2, 3))
            layers += [
                nn.Conv2d(widths[at], widths[at + 1], 3, stride=stride, padding=padding),
                nn.BatchNorm2d(widths[at + 1]),
                nn.ReLU(),
            ]
        self.body, self.pool = nn.Sequential(*layers), nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(256, 2)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (B, 2) of images (B, 1, H, W)."""
        logits: Tensor = self.linear(self.pool(self.body(images)).flatten(1))
        return logits


class Training:
    """An epoch of training and validation at a time."""

    def __init__(
        self,
        folder: Path,
        labels: list[int],
        train: int,
        size: int,
        batch: int,
        device: str = "cpu",
    ) -> None:
        files = sorted(folder.glob("*.png"))
        self.device = torch.device(device)
        self.loaders = {
            name: DataLoader(
                XRays(files[part], labels[part], size, train=name == "train"),
                batch_size=batch,
                shuffle=name == "train",
            )
            for name, part in (("train", slice(train)), ("val", slice(train, len(labels))))
        }
        self.model = Network().to(self.device)
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-4)
        self.loss = nn.CrossEntropyLoss()

    def epoch(self) -> None:
        """Train, then validate."""
        for name, loader in self.loaders.items():
            training = name == "train"
            self.model.train(training)
            scores, right = [], 0
            for images, labels in loader:
                inputs, truth = images.to(self.device), labels.to(self.device)
                self.optimizer.zero_grad()
                with torch.set_grad_enabled(training):
                    logits = self.model(inputs)
                    loss = self.loss(logits, truth)
                    if training:
                        loss.backward()
                        self.optimizer.step()
                loss.item()
                right += int((logits.argmax(1) == truth).sum().item())
                scores.append(logits.softmax(1)[:, 1].detach().cpu().numpy())
