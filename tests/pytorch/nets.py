"""The networks of the fixtures, as their papers' code writes them in PyTorch."""

import torch
from torch import nn

IMAGE, WAYS = (2, 32, 32), 5  # channels first


class Conv4(nn.Module):
    """Vinyals et al. 2016: four blocks of 3x3 convolution, batch norm, ReLU and max-pooling."""

    def __init__(self, filters=4):
        super().__init__()
        layers, c_in = [], IMAGE[0]
        for _ in range(4):
            layers += [nn.Conv2d(c_in, filters, 3, padding=1), nn.BatchNorm2d(filters), nn.ReLU(), nn.MaxPool2d(2)]
            c_in = filters
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(filters * 2 * 2, WAYS)

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


class Block(nn.Module):
    """A block of the ResNet-12 of MetaOptNet (Lee et al. 2019), without DropBlock."""

    def __init__(self, c_in, c):
        super().__init__()
        conv = lambda a, k: nn.Conv2d(a, c, k, padding=k // 2, bias=False)
        self.conv1, self.bn1 = conv(c_in, 3), nn.BatchNorm2d(c)
        self.relu = nn.LeakyReLU(0.1)
        self.conv2, self.bn2 = conv(c, 3), nn.BatchNorm2d(c)
        self.conv3, self.bn3 = conv(c, 3), nn.BatchNorm2d(c)
        self.maxpool = nn.MaxPool2d(2)
        self.downsample = nn.Sequential(conv(c_in, 1), nn.BatchNorm2d(c))

    def forward(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        return self.maxpool(self.relu(self.bn3(self.conv3(y)) + self.downsample(x)))


class ResNet12(nn.Module):
    def __init__(self, widths=(2, 3, 4, 5)):
        super().__init__()
        for i, (c_in, c) in enumerate(zip((IMAGE[0], *widths), widths)):
            setattr(self, f"layer{i + 1}", nn.Sequential(Block(c_in, c)))
        self.classifier = nn.Linear(widths[-1] * 2 * 2, WAYS)

    def forward(self, x):
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        return self.classifier(x.flatten(1))


def mlp():
    """The regression network of the MAML paper, with fewer units."""
    return nn.Sequential(nn.Linear(1, 6), nn.ReLU(), nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 1))


def images(n=4):
    """Images [n, c, h, w] that any language computes alike: element i is ((7919 i) mod 1009)/1009 - 1/2."""
    i = torch.arange(n * IMAGE[0] * IMAGE[1] * IMAGE[2])
    return ((7919 * i % 1009).double() / 1009 - 0.5).float().reshape(n, *IMAGE)


@torch.no_grad()
def logits(net):
    """Of the images, normalised by their own statistics and by running ones."""
    net.eval()
    running = net(images())
    for norm in net.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 0.0  # so that looking leaves no trace
    return {"batch": net.train()(images()), "running": running}
