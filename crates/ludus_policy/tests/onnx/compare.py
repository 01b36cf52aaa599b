"""Runs `policy.onnx` in a folder on the rows of `cases.json` and compares what comes out. Prints the greatest error."""

import json
import sys
from pathlib import Path

import numpy
import onnxruntime

TOLERANCE = 1e-5


def numbers(rows):
    """JSON has no infinities and no NaN: they come as texts."""
    return numpy.array([[float(number) for number in row] for row in rows], dtype=numpy.float32)


folder = Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
session = onnxruntime.InferenceSession(str(folder / "policy.onnx"), providers=["CPUExecutionProvider"])
inputs = {"observation": numbers(cases["observation"])}
if cases["mask"]:
    inputs["mask"] = numpy.array(cases["mask"], dtype=bool)
assert [given.name for given in session.get_inputs()] == list(inputs), session.get_inputs()

greatest = 0.0
for name, expected in cases["outputs"].items():
    (actual,) = session.run([name], inputs)
    expected = numbers(expected)
    assert actual.shape == expected.shape, f"{name} is {actual.shape}, not {expected.shape}"
    # What is not allowed has the logit -inf, exactly.
    same = actual == expected
    actual, expected = (numpy.where(same, 0.0, values) for values in (actual, expected))
    error = numpy.abs(actual - expected) / numpy.maximum(1.0, numpy.abs(expected))
    assert error.max() <= TOLERANCE, f"{name} is off by {error.max()}"
    greatest = max(greatest, float(error.max()))
about = session.get_modelmeta()
assert about.custom_metadata_map == cases["texts"], about.custom_metadata_map
assert about.version == cases["steps"] and about.producer_name == "bevy_ludus", (about.version, about.producer_name)
print(f"onnxruntime {onnxruntime.__version__} agrees to {greatest:.1e}")
