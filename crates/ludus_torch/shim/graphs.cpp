// What libtorch can do and tch does not bind: CUDA graphs and TF32.
//
// A library of its own, opened after libtorch_cuda: so the program itself needs no CUDA. Every function returns 0, or
// another number after it has left a message for `ludus_message`.

#include <ATen/Context.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <exception>
#include <memory>
#include <optional>
#include <string>

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

// Starts to record what this thread's kernels do on the device; they do not run.
int ludus_graph_begin(int device, void** recording) {
    return guarded([&] {
        auto made = std::make_unique<Recording>(static_cast<c10::DeviceIndex>(device));
        // What is under way on the default stream has to be over: the recording's memory may come from it.
        c10::cuda::getCurrentCUDAStream(static_cast<c10::DeviceIndex>(device)).synchronize();
        made->guard.emplace(made->stream);
        // Other threads of the program may do as they like meanwhile.
        made->graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);
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

// Lets matrix products round their factors to TF32, or not.
int ludus_allow_tf32(int is_allowed) {
    return guarded([&] {
        at::globalContext().setAllowTF32CuBLAS(is_allowed != 0);
        at::globalContext().setAllowTF32CuDNN(is_allowed != 0);
    });
}

}
