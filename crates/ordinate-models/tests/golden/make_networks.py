"""Tiny networks of images: what `transformers`, timm and torchvision say of them.

    pip install torch torchvision transformers timm pillow
    python make_networks.py         # writes networks.json and networks/

networks/ has a folder for each model as it is published: config.json, model.safetensors, and preprocessor_config.json where `transformers` wrote it,
with random weights (norms of batches have random means and variances). networks.json has images, what they are scaled to, and logits.
"""
import base64
import io
import json
import math
import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path

import numpy
import timm.data
import torch
from PIL import Image
from safetensors.torch import save_file
from timm.models.resnet import BasicBlock, ResNet as TimmResNet
from timm.models.vision_transformer import VisionTransformer
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.transforms._presets import ImageClassification
from transformers import (
    ConvNextImageProcessor, ResNetConfig, ResNetForImageClassification, ViTConfig, ViTForImageClassification, ViTImageProcessor)

HERE = Path(__file__).resolve().parent / "networks"
SIDE = 24
LABELS = ["cat", "dog", "owl"]


def image(width, height, channels, seed):
    random = numpy.random.default_rng(seed)
    down, across = numpy.mgrid[0:height, 0:width]
    planes = [128 + 90 * numpy.sin(down / (2 + at) + at) * numpy.cos(across / (3 + at)) for at in range(channels)]
    values = numpy.stack(planes, -1) + random.normal(0, 12, (height, width, channels))
    values = values.clip(0, 255).astype(numpy.uint8)
    return Image.fromarray(values if channels == 3 else values[:, :, 0])


IMAGES = [image(40, 30, 3, 1), image(SIDE, SIDE, 3, 2), image(21, 50, 3, 3), image(17, 12, 1, 4), image(SIDE, SIDE, 1, 5)]


def url(image):
    packed = io.BytesIO()
    image.save(packed, "PNG")
    return "data:image/png;base64," + base64.b64encode(packed.getvalue()).decode()


def randomised(model, seed):
    generator = torch.Generator().manual_seed(seed)

    def noise(like):
        return torch.randn(like.shape, generator=generator)

    with torch.no_grad():
        for name, weight in model.named_parameters():
            fan = math.prod(weight.shape[1:]) if weight.dim() > 1 else 1
            is_norm = weight.dim() == 1 and name.endswith("weight")
            weight.copy_(1 + 0.2 * noise(weight) if is_norm else noise(weight) * (1.2 / math.sqrt(fan) if fan > 1 else 0.2))
        for name, value in model.named_buffers():
            if name.endswith("running_mean"):
                value.copy_(0.3 * noise(value))
            elif name.endswith("running_var"):
                value.copy_((0.5 + noise(value).abs()))
    return model.eval()


def write(name, config, tensors, preprocessor=None):
    folder = HERE / name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    if preprocessor:
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2, sort_keys=True) + "\n")
    save_file({key: value.contiguous() for key, value in tensors.items()}, folder / "model.safetensors", metadata={"format": "pt"})
    (folder / "model.safetensors").chmod(0o644)


def hub(name, model, processor, kept):
    """As `save_pretrained` writes it."""
    with tempfile.TemporaryDirectory() as there:
        model.save_pretrained(there)
        processor.save_pretrained(there)
        config = json.loads((Path(there) / "config.json").read_text())
        config = {key: value for key, value in config.items() if key in kept | {"architectures", "model_type", "id2label", "label2id", "num_channels"}}
        folder = HERE / name
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(there) / "model.safetensors", folder / "model.safetensors")
        (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
        preprocessor = json.loads((Path(there) / "preprocessor_config.json").read_text())
        (folder / "preprocessor_config.json").write_text(json.dumps(preprocessor, indent=2, sort_keys=True) + "\n")


def models():
    """A name, how the sides of an image and its values become what is read, the mean and deviation, and logits and features of that."""
    named = dict(id2label=dict(enumerate(LABELS)), label2id={name: at for at, name in enumerate(LABELS)})
    config = ViTConfig(hidden_size=24, num_hidden_layers=2, num_attention_heads=3, intermediate_size=32, image_size=SIDE, patch_size=6, **named)
    vit = randomised(ViTForImageClassification(config), 1)
    processor = ViTImageProcessor(size={"height": SIDE, "width": SIDE})
    kept = {"hidden_size", "num_hidden_layers", "num_attention_heads", "intermediate_size", "image_size", "patch_size", "hidden_act", "layer_norm_eps", "qkv_bias"}
    hub("vit", vit, processor, kept)
    features = lambda x: vit.vit(x).last_hidden_state[:, 0]
    yield "vit", lambda i: processor(i.convert("RGB"), return_tensors="pt")["pixel_values"][0], (0.5, 0.5), lambda x: vit(x).logits, features

    timm_vit = randomised(VisionTransformer(img_size=SIDE, patch_size=6, embed_dim=24, depth=2, num_heads=4, mlp_ratio=2, num_classes=3), 3)
    cfg = dict(input_size=[3, SIDE, SIDE], interpolation="bicubic", crop_pct=0.9, crop_mode="center", mean=[0.5] * 3, std=[0.5] * 3, num_classes=3, first_conv="patch_embed.proj", classifier="head")
    write("timm-vit", dict(architecture="vit_tiny_patch6_24", num_classes=3, num_features=24, global_pool="token", model_args={"num_heads": 4}, label_names=LABELS, pretrained_cfg=cfg), timm_vit.state_dict())
    resolved = timm.data.resolve_data_config({}, pretrained_cfg=cfg)
    yield "timm-vit", lambda i: timm.data.create_transform(**resolved)(i.convert("RGB")), (0.5, 0.5), timm_vit, lambda x: timm_vit.forward_head(timm_vit.forward_features(x), pre_logits=True)

    processor = ConvNextImageProcessor(size={"shortest_edge": SIDE}, crop_pct=0.875)
    kept = {"depths", "hidden_sizes", "embedding_size", "layer_type", "hidden_act", "downsample_in_first_stage", "downsample_in_bottleneck"}
    for seed, (name, shape) in enumerate({
        "resnet": dict(layer_type="basic", depths=[1, 2], hidden_sizes=[6, 10]),
        "resnet-deep": dict(layer_type="bottleneck", depths=[1, 1], hidden_sizes=[16, 24], downsample_in_bottleneck=True, downsample_in_first_stage=True),
    }.items()):
        resnet = randomised(ResNetForImageClassification(ResNetConfig(embedding_size=6, **shape, **named)), 4 + seed)
        hub(name, resnet, processor, kept)
        mean = torch.tensor(processor.image_mean)[:, None, None], torch.tensor(processor.image_std)[:, None, None]
        yield (name, lambda i: processor(i.convert("RGB"), return_tensors="pt")["pixel_values"][0], mean, lambda x, m=resnet: m(x).logits,
               lambda x, m=resnet: m.resnet(x).pooler_output.flatten(1))

    torch.manual_seed(0)
    deep = ResNet(Bottleneck, [1, 1, 1, 1], num_classes=3)
    deep.inplanes, deep.conv1, deep.bn1 = 4, torch.nn.Conv2d(3, 4, 7, 2, 3, bias=False), torch.nn.BatchNorm2d(4)
    for at, planes in enumerate([2, 3, 4, 5]):
        setattr(deep, f"layer{at + 1}", deep._make_layer(Bottleneck, planes, 2 if at == 1 else 1, stride=1 if at == 0 else 2))
    deep.fc = torch.nn.Linear(20, 3)
    randomised(deep, 6)
    # As whoever converts torchvision's own would write it.
    write("torchvision", dict(architecture="resnet50"), deep.state_dict())
    trunk = torch.nn.Sequential(*list(deep.children())[:-1], torch.nn.Flatten())
    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None], torch.tensor([0.229, 0.224, 0.225])[:, None, None]
    yield "torchvision", lambda i: ImageClassification(crop_size=224)(i.convert("RGB")), mean, deep, trunk

    shallow = randomised(TimmResNet(BasicBlock, [1, 1, 2, 1], num_classes=3, in_chans=1, stem_width=4, channels=(4, 6, 8, 10)), 7)
    cfg = dict(input_size=[1, SIDE, SIDE], interpolation="bilinear", crop_pct=1.0, crop_mode="center", mean=[0.45], std=[0.2], num_classes=3, first_conv="conv1", classifier="fc")
    write("timm-resnet", dict(architecture="resnet18", num_classes=3, num_features=10, global_pool="avg", pretrained_cfg=cfg), shallow.state_dict())
    resolved = timm.data.resolve_data_config({}, pretrained_cfg=cfg)
    yield "timm-resnet", lambda i: timm.data.create_transform(**resolved)(i.convert("L")), (0.45, 0.2), shallow, lambda x: shallow.forward_head(shallow.forward_features(x), pre_logits=True)


def plain(tensor, digits=6):
    return [float(f"{value:.{digits}g}") for value in tensor.flatten().tolist()]


def main():
    torch.set_num_threads(1)
    found = {}
    for name, read, (mean, deviation), logits, features in models():
        channels = "L" if name == "timm-resnet" else "RGB"
        rows = []
        for at, one in enumerate(IMAGES):
            row = {}
            values = read(one).permute(1, 2, 0)
            # Enough of them to see what is moved or scaled otherwise.
            row["values"] = plain(values.flatten()[:: 1 + values.numel() // 200], 5)
            if one.size == (SIDE, SIDE):
                pixels = torch.tensor(numpy.array(one.convert(channels), dtype=numpy.float32)).reshape(SIDE, SIDE, -1).permute(2, 0, 1) / 255
                with torch.no_grad():
                    x = ((pixels - mean) / deviation).unsqueeze(0)
                    row["features"] = plain(features(x)[0])
                    row["logits"] = plain(logits(x)[0])
            rows.append(row)
        found[name] = rows
    versions = {name: version(name) for name in ["torch", "torchvision", "transformers", "timm", "pillow"]}
    text = json.dumps({"versions": versions, "labels": LABELS, "images": [url(one) for one in IMAGES], "models": found}, separators=(",", ":"))
    (HERE.parent / "networks.json").write_text(text.replace('{"values"', '\n{"values"') + "\n")


if __name__ == "__main__":
    main()
