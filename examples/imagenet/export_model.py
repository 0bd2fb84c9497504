"""export_model.py: writes resnet18.onnx, with torchvision's trained weights."""
import torch
import torchvision

model = torchvision.models.resnet18(weights="DEFAULT").eval()
torch.onnx.export(model, (torch.zeros(1, 3, 224, 224),), "resnet18.onnx", input_names=["image"], output_names=["scores"])
