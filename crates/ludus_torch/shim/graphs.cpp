// What libtorch can do and tch does not bind: CUDA graphs, TF32, and the same bits from every convolution.
//
// A library of its own, opened after libtorch_cuda: so the program itself needs no CUDA. Every function returns 0, or
// another number after it has left a message for `ludus_message`.

#include <ATen/Context.h>
#include <ATen/core/CachingHostAllocator.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAGuard.h>
#include <c10/cuda/CUDAStream.h>

#include <exception>
#include <memory>
#include <optional>
#include <string>

namespace {

namespace device_memory = c10::cuda::CUDACachingAllocator;

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

at::HostAllocator& host_memory() {
    return *at::getHostAllocator(at::kCUDA);
}

// What recordings on a device have in common. Only one of them may be made or repeated at a time.
struct Tape {
    c10::DeviceIndex device;
    // A recording needs another stream than the default one. Libraries keep working memory for each stream, for good.
    c10::cuda::CUDAStream stream;
    // Named anew after a failure. Held by us too, since libtorch does not take up again what nobody held for a while.
    c10::MempoolId_t memory;

    explicit Tape(c10::DeviceIndex device) : device(device), stream(c10::cuda::getStreamFromPool(false, device)) {
        hold();
    }

    ~Tape() {
        guarded([&] { release(); });
    }

    void hold() {
        memory = at::cuda::graph_pool_handle();
        device_memory::createOrIncrefPool(device, memory);
        host_memory().begin_allocate_to_pool(memory, [](c10::Stream) { return false; });
        host_memory().end_allocate_to_pool(memory);
    }

    void release() {
        device_memory::releasePool(device, memory);
        host_memory().release_pool(memory);
    }

    // Ends what libtorch leaves open where a recording fails: it would let no other begin, and free no memory.
    void give_up() {
        if (guarded([&] { device_memory::endAllocateToPool(device, memory); }) == 0) {
            device_memory::releasePool(device, memory);
        }
        if (guarded([&] { host_memory().end_allocate_to_pool(memory); }) == 0) {
            host_memory().release_pool(memory);
        }
        release();
        hold();
    }
};

struct Recording {
    Tape& tape;
    at::cuda::CUDAGraph graph;
    std::optional<c10::cuda::CUDAStreamGuard> guard;
};

// Does `work`; if it fails, gives the tape's recording up, and keeps the message of the failure.
template <typename Work>
int recorded(Tape& tape, Work work) {
    int result = guarded(work);
    if (result != 0) {
        std::string failure = message;
        guarded([&] { tape.give_up(); });
        message = failure;
    }
    return result;
}

}  // namespace

extern "C" {

const char* ludus_message() {
    return message.c_str();
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

int ludus_tape_make(int device, void** tape) {
    return guarded([&] { *tape = new Tape(static_cast<c10::DeviceIndex>(device)); });
}

void ludus_tape_free(void* tape) {
    guarded([&] { delete static_cast<Tape*>(tape); });
}

// Starts to record what this thread's kernels do on the tape's device; they do not run.
int ludus_graph_begin(void* tape, void** recording) {
    Tape& own = *static_cast<Tape*>(tape);
    std::unique_ptr<Recording> made(new Recording{own});
    int result = recorded(own, [&] {
        // What is under way on the default stream has to be over: the recording's memory may come from it.
        c10::cuda::getCurrentCUDAStream(own.device).synchronize();
        // While something is recorded, libtorch frees no memory that it keeps for later.
        device_memory::emptyCache();
        made->guard.emplace(own.stream);
        // Other threads of the program may do as they like meanwhile.
        made->graph.capture_begin(own.memory, cudaStreamCaptureModeThreadLocal);
    });
    if (result == 0) *recording = made.release();
    return result;
}

// Ends it. After an error nothing is recorded, and the recording can only be freed.
int ludus_graph_end(void* recording) {
    auto* made = static_cast<Recording*>(recording);
    int result = recorded(made->tape, [&] { made->graph.capture_end(); });
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

}
