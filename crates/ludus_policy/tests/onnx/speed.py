"""How long onnxruntime takes for 1,000 rows of an exported policy, on one thread: what `bench` calls a decision.

    cargo run --release --example cart_pole -- export RUN --onnx --to /tmp/cart_pole.onnx
    python3 crates/ludus_policy/tests/onnx/speed.py /tmp/cart_pole.onnx
"""

import sys
import time

import numpy
import onnxruntime

ROWS = 1000
SECONDS = 3.0

options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.inter_op_num_threads = 1
session = onnxruntime.InferenceSession(sys.argv[1], options, providers=["CPUExecutionProvider"])
(observed,) = session.get_inputs()
observation = numpy.random.default_rng(1).normal(size=(ROWS, observed.shape[1])).astype(numpy.float32)

for _ in range(100):
    session.run(["action"], {"observation": observation})
runs, start = 0, time.perf_counter()
while time.perf_counter() - start < SECONDS:
    session.run(["action"], {"observation": observation})
    runs += 1
milliseconds = (time.perf_counter() - start) / runs * 1e3
print(f"onnxruntime {onnxruntime.__version__}: {milliseconds:.3f} ms for {ROWS} rows, one thread")
