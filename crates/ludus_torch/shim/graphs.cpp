// What libtorch can do and tch does not bind: CUDA graphs, TF32, and the same bits from every convolution.
//
// A library of its own, opened after libtorch_cuda: so the program itself needs no CUDA. Every function returns 0, or
// another number after it has left a message for `ludus_message`.

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <tuple>

namespace {

thread_local std::string message;

template <typename Work>
int guarded(Work work) {
    try {
        work();
        return 0;
    } catch (const std::exception& error) {
        message = error.what();
    } catch (...) {
        message = "an unknown error";
    }
    return 1;
}

// A recording needs a stream other than the default one, from its start to its end.
struct Recording {
    at::cuda::CUDAGraph graph;
    c10::cuda::CUDAStream stream;
    std::optional<c10::cuda::CUDAStreamGuard> guard;

    explicit Recording(c10::DeviceIndex device) : stream(c10::cuda::getStreamFromPool(false, device)) {}
};

}  // namespace

extern "C" {

const char* ludus_message() {
    return message.c_str();
}

// Names memory that recordings share, two numbers. Only one of them may be repeated at a time.
int ludus_graph_memory(uint64_t* memory) {
    return guarded([&] { std::tie(memory[0], memory[1]) = at::cuda::graph_pool_handle(); });
}

// Starts to record what this thread's kernels do on the device; they do not run.
int ludus_graph_begin(int device, const uint64_t* memory, void** recording) {
    return guarded([&] {
        auto made = std::make_unique<Recording>(static_cast<c10::DeviceIndex>(device));
        // What is under way on the default stream has to be over: the recording's memory may come from it.
        c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).synchronize();
        made->guard.emplace(made->stream);
        // Other threads of the program may do as they like meanwhile.
        made->graph.capture_begin({memory[0], memory[1]}, cudaStreamCaptureModeThreadLocal);
        *recording = made.release();
    });
}

// Ends it. After an error nothing is recorded, and the recording can only be freed.
int ludus_graph_end(void* recording) {
    auto* made = static_cast<Recording*>(recording);
    int result = guarded([&] { made->graph.capture_end(); });
    made->guard.reset();
    return result;
}

// Does what was recorded, on the current stream.
int ludus_graph_replay(void* recording) {
    return guarded([&] { static_cast<Recording*>(recording)->graph.replay(); });
}

void ludus_graph_free(void* recording) {
    guarded([&] { delete static_cast<Recording*>(recording); });
}

// Lets matrix products and convolutions round their factors to TF32, or not (libtorch's convolutions do unless told). Has
// cuDNN take convolutions that add up in the same order every time.
int ludus_configure(int allows_tf32) {
    return guarded([&] {
        at::globalContext().setAllowTF32CuBLAS(allows_tf32 != 0);
        at::globalContext().setAllowTF32CuDNN(allows_tf32 != 0);
        at::globalContext().setDeterministicCuDNN(true);
        at::globalContext().setBenchmarkCuDNN(false);
    });
}

}
