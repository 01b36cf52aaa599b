"""Runs `policy.onnx` in a folder on the rows of `cases.json` and compares what comes out. Prints the greatest error."""

import json
import sys
from pathlib import Path

import numpy
import onnxruntime

TOLERANCE = 1e-5

folder = Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
session = onnxruntime.InferenceSession(str(folder / "policy.onnx"), providers=["CPUExecutionProvider"])
# JSON has no infinities and no NaN: they come as texts.
observation = numpy.array([[float(number) for number in row] for row in cases["observation"]], dtype=numpy.float32)

greatest = 0.0
for name, expected in cases["outputs"].items():
    (actual,) = session.run([name], {"observation": observation})
    expected = numpy.array(expected, dtype=numpy.float32)
    assert actual.shape == expected.shape, f"{name} is {actual.shape}, not {expected.shape}"
    error = numpy.abs(actual - expected) / numpy.maximum(1.0, numpy.abs(expected))
    assert error.max() <= TOLERANCE, f"{name} is off by {error.max()}"
    greatest = max(greatest, float(error.max()))
texts = session.get_modelmeta().custom_metadata_map
assert texts["observation"].split(",") == cases["columns"], texts
print(f"onnxruntime {onnxruntime.__version__} agrees to {greatest:.1e}")
