// What the software GPU's kernels ask of its runtime.
#pragma once

#include <functional>

// Queues work on a stream, or records it where the stream is being recorded. The name stays where it is.
extern "C" void software_gpu_queue(void* stream, const char* name, std::function<void()> work);
