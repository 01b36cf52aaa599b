"""Runs `policy.onnx` in a folder on the steps of `cases.json` and compares what comes out. Prints the greatest error."""

import json
import sys
from pathlib import Path

import numpy
import onnxruntime

TOLERANCE = 1e-5


def numbers(rows):
    """JSON has no infinities and no NaN: they come as texts."""
    return numpy.array([[float(number) for number in row] for row in rows], dtype=numpy.float32)


def observed(rows, sets):
    """Returns the inputs: the columns that are in no set, then the elements and the count of each set."""
    columns = numpy.ones(rows.shape[1], dtype=bool)
    inputs = {}
    for given in sets:
        first, capacity, parts = given["first"], given["capacity"], given["parts"]
        end = first + capacity * parts
        columns[first : end + 1] = False
        elements = rows[:, first:end].reshape(-1, capacity, parts).copy()
        counts = rows[:, end].astype(numpy.int64)
        # What is in places without an element has no effect.
        elements[numpy.arange(capacity) >= counts[:, None]] = 7.0
        inputs[f"observation.{given['name']}"] = elements
        inputs[f"observation.{given['name']}.count"] = counts
    return {"observation": rows[:, columns], **inputs}


def compared(name, actual, expected):
    """Returns the greatest error."""
    assert actual.shape == expected.shape, f"{name} is {actual.shape}, not {expected.shape}"
    # What is not allowed has the logit -inf, exactly.
    same = actual == expected
    actual, expected = (numpy.where(same, 0.0, values) for values in (actual, expected))
    error = numpy.abs(actual - expected) / numpy.maximum(1.0, numpy.abs(expected))
    assert error.max() <= TOLERANCE, f"{name} is off by {error.max()}"
    return float(error.max())


folder = Path(sys.argv[1])
cases = json.loads((folder / "cases.json").read_text())
session = onnxruntime.InferenceSession(str(folder / "policy.onnx"), providers=["CPUExecutionProvider"])
memory = numpy.zeros((len(cases["steps"][0]["observation"]), cases["memory_width"]), dtype=numpy.float32)

greatest = 0.0
for case in cases["steps"]:
    inputs = observed(numbers(case["observation"]), cases["sets"])
    if memory.size:
        inputs["memory"] = memory
    if case["mask"]:
        inputs["mask"] = numpy.array(case["mask"], dtype=bool)
    assert [given.name for given in session.get_inputs()] == list(inputs), session.get_inputs()
    actual = dict(zip([given.name for given in session.get_outputs()], session.run(None, inputs)))
    assert actual.keys() == case["outputs"].keys(), actual.keys()
    memory = actual.get("next_memory", memory)
    for name, expected in case["outputs"].items():
        greatest = max(greatest, compared(name, actual[name], numbers(expected)))
about = session.get_modelmeta()
assert about.custom_metadata_map == cases["texts"], about.custom_metadata_map
assert about.version == cases["version"] and about.producer_name == "bevy_ludus", (about.version, about.producer_name)
print(f"onnxruntime {onnxruntime.__version__} agrees to {greatest:.1e}")
