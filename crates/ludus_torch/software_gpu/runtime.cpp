// The software GPU's runtime: what libtorch asks of `libcudart`, on the CPU. Loaded before it (`LD_PRELOAD`).
//
// Work is queued, and done when somebody waits for it: whoever reads a result without waiting, or writes into what has not
// been read yet, finds it out. Memory is full of a large number at first. What may not be done while a stream is recorded
// is refused, as CUDA does it. All streams share one queue, so that nothing is learned about work that runs side by side.

#include <cuda_runtime_api.h>
#include <dlfcn.h>
#include <pthread.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "queue.h"
#include "settings.h"

namespace {

// Something to do, and what it is called.
struct Work {
    const char* name;
    std::function<void()> act;
};

struct Stream;

// What is recorded on a stream, and on those that joined it.
struct Capture {
    unsigned long long id;
    cudaStreamCaptureMode mode;
    pthread_t thread;
    std::vector<Work> work = {};
    std::set<Stream*> streams = {};
    // Something was done that can't be recorded.
    bool is_invalid = false;
};

struct Stream {
    Capture* capture = nullptr;
    // Something was recorded here that no event has led back to the stream where the recording began.
    bool is_ahead = false;
};

struct Event {
    // Works that were queued before it.
    size_t position = 0;
    // What was being recorded then; 0 if nothing.
    unsigned long long capture = 0;
    Stream* stream = nullptr;
};

struct Graph {
    std::vector<Work> work;
};

// Stretches of memory by their start.
using Stretches = std::map<uintptr_t, size_t>;

constexpr size_t page = 4096;
constexpr int unset = 0x7f;

std::recursive_mutex mutex;
std::deque<Work> queue;
size_t queued = 0;
size_t finished = 0;
Stream default_stream;
std::vector<Capture*> captures;
unsigned long long capture_count = 0;
Stretches device_memory;
Stretches pinned_memory;
size_t used = 0;
std::map<std::string, unsigned long long> counts;
std::map<const void*, const char*> kernels;

thread_local int current_device = 0;
thread_local cudaError_t last_error = cudaSuccess;
thread_local cudaStreamCaptureMode thread_mode = cudaStreamCaptureModeGlobal;

using Lock = std::lock_guard<std::recursive_mutex>;

[[noreturn]] void give_up(const char* why, const char* what) {
    std::fprintf(stderr, "software GPU: %s: %s\n", why, what);
    std::abort();
}

cudaError_t refuse(cudaError_t error, const char* function) {
    last_error = error;
    std::fprintf(stderr, "software GPU: %s: %s\n", function, cudaGetErrorString(error));
    return error;
}

void count(const char* what) {
    counts[what]++;
}

Stream& of(cudaStream_t stream) {
    bool is_default = stream == nullptr || stream == cudaStreamLegacy || stream == cudaStreamPerThread;
    return is_default ? default_stream : *reinterpret_cast<Stream*>(stream);
}

Event& of(cudaEvent_t event) {
    return *reinterpret_cast<Event*>(event);
}

// Does what was queued, up to so many works since the start.
void finish(size_t position) {
    while (finished < position) {
        Work work = std::move(queue.front());
        queue.pop_front();
        finished++;
        try {
            work.act();
        } catch (const std::exception& error) {
            give_up(work.name, error.what());
        }
    }
}

void finish() {
    finish(queued);
}

void put(Stream& stream, Work work) {
    if (stream.capture) {
        stream.capture->work.push_back(std::move(work));
        stream.is_ahead = true;
    } else {
        queue.push_back(std::move(work));
        queued++;
    }
}

bool contains(const Stretches& stretches, const void* pointer) {
    auto place = reinterpret_cast<uintptr_t>(pointer);
    auto next = stretches.upper_bound(place);
    return next != stretches.begin() && place < std::prev(next)->first + std::prev(next)->second;
}

// Memory of the host, full of garbage; null if there is none.
void* allocate(Stretches& stretches, size_t bytes) {
    void* start = std::aligned_alloc(page, (bytes + page - 1) / page * page);
    if (!start) return nullptr;
    std::memset(start, unset, bytes);
    stretches[reinterpret_cast<uintptr_t>(start)] = bytes;
    return start;
}

// How much that was [bytes].
size_t release(Stretches& stretches, void* start) {
    finish();
    auto found = stretches.find(reinterpret_cast<uintptr_t>(start));
    if (found == stretches.end()) give_up("memory is freed", "that was not allocated");
    size_t bytes = found->second;
    stretches.erase(found);
    std::free(start);
    return bytes;
}

// Whether a call that CUDA names unsafe may be made by this thread; if not, what is being recorded is spoilt.
// See `cudaThreadExchangeStreamCaptureMode` in CUDA's reference.
bool is_unsafe() {
    if (thread_mode == cudaStreamCaptureModeRelaxed) return false;
    for (Capture* capture : captures) {
        bool is_own = pthread_equal(capture->thread, pthread_self());
        bool is_global = capture->mode == cudaStreamCaptureModeGlobal && thread_mode == cudaStreamCaptureModeGlobal;
        if (is_own ? capture->mode != cudaStreamCaptureModeRelaxed : is_global) {
            capture->is_invalid = true;
            return true;
        }
    }
    return false;
}

#define REFUSE_WHILE_RECORDING() \
    if (is_unsafe()) return refuse(cudaErrorStreamCaptureUnsupported, __func__)

cudaError_t spoil(Capture& capture, cudaError_t error, const char* function) {
    capture.is_invalid = true;
    return refuse(error, function);
}

// What is being recorded under this number, if it still is.
Capture* capture_of(unsigned long long id) {
    auto found = std::find_if(captures.begin(), captures.end(), [&](Capture* capture) { return capture->id == id; });
    return found == captures.end() ? nullptr : *found;
}

[[noreturn]] void lacks(const void* function) {
    auto found = kernels.find(function);
    give_up("there is no kernel", found == kernels.end() ? "of that name" : found->second);
}

}  // namespace

void software_gpu_queue(void* stream, const char* name, std::function<void()> work) {
    Lock lock(mutex);
    put(of(static_cast<cudaStream_t>(stream)), {name, std::move(work)});
}

extern "C" {

// How often something was done, for tests.
unsigned long long software_gpu_count(const char* what) {
    Lock lock(mutex);
    return counts[what];
}

// Devices

cudaError_t cudaGetDeviceCount(int* count) {
    // The first thing that libtorch asks, after all of it is loaded.
    static const char* library = std::getenv("SOFTWARE_GPU_KERNELS");
    if (!library) give_up("SOFTWARE_GPU_KERNELS", "is not set");
    static void* kernels = dlopen(library, RTLD_NOW | RTLD_GLOBAL);
    if (!kernels) give_up("its kernels can't be loaded", dlerror());
    *count = settings::device_count();
    return *count > 0 ? cudaSuccess : refuse(cudaErrorNoDevice, __func__);
}

cudaError_t cudaGetDevice(int* device) {
    *device = current_device;
    return cudaSuccess;
}

cudaError_t cudaSetDevice(int device) {
    if (device < 0 || device >= settings::device_count()) return refuse(cudaErrorInvalidDevice, __func__);
    current_device = device;
    return cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int device) {
    if (device < 0 || device >= settings::device_count()) return refuse(cudaErrorInvalidDevice, __func__);
    *properties = {};
    std::strcpy(properties->name, "software GPU");
    properties->totalGlobalMem = settings::memory();
    // An H100's.
    properties->major = 9;
    properties->multiProcessorCount = 132;
    properties->warpSize = 32;
    properties->maxThreadsPerBlock = 1024;
    properties->maxThreadsPerMultiProcessor = 2048;
    properties->sharedMemPerBlock = 48 << 10;
    properties->regsPerBlock = 64 << 10;
    properties->l2CacheSize = 50 << 20;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr, int) {
    *value = 0;
    return cudaSuccess;
}

cudaError_t cudaDeviceCanAccessPeer(int* can, int, int) {
    *can = 0;
    return cudaSuccess;
}

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
    *least = 0;
    *greatest = -5;
    return cudaSuccess;
}

cudaError_t cudaDriverGetVersion(int* version) {
    *version = settings::cuda_version();
    return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
    *version = settings::cuda_version();
    return cudaSuccess;
}

cudaError_t cudaGetDriverEntryPointByVersion(const char*, void** function, unsigned, unsigned long long,
                                             cudaDriverEntryPointQueryResult* result) {
    *function = nullptr;
    if (result) *result = cudaDriverEntryPointSymbolNotFound;
    return cudaSuccess;
}

// Errors

cudaError_t cudaGetLastError() {
    return std::exchange(last_error, cudaSuccess);
}

cudaError_t cudaPeekAtLastError() {
    return last_error;
}

const char* cudaGetErrorName(cudaError_t) {
    return "cudaError";
}

const char* cudaGetErrorString(cudaError_t error) {
    switch (error) {
        case cudaErrorMemoryAllocation: return "out of memory";
        case cudaErrorInvalidDevice: return "invalid device ordinal";
        case cudaErrorNoDevice: return "no CUDA-capable device is detected";
        case cudaErrorStreamCaptureUnsupported: return "operation not permitted when stream is capturing";
        case cudaErrorStreamCaptureInvalidated: return "operation failed due to a previous error during capture";
        case cudaErrorStreamCaptureUnjoined: return "capturing stream has unjoined work";
        case cudaErrorStreamCaptureIsolation: return "dependency created on uncaptured work in another stream";
        case cudaErrorCapturedEvent: return "operation not permitted on an event last recorded in a capturing stream";
        default: return "an error";
    }
}

// Memory

cudaError_t cudaMalloc(void** start, size_t bytes) {
    Lock lock(mutex);
    REFUSE_WHILE_RECORDING();
    if (used + bytes > settings::memory()) return refuse(cudaErrorMemoryAllocation, __func__);
    *start = allocate(device_memory, bytes);
    if (!*start) return refuse(cudaErrorMemoryAllocation, __func__);
    used += bytes;
    return cudaSuccess;
}

cudaError_t cudaFree(void* start) {
    Lock lock(mutex);
    if (!start) return cudaSuccess;
    REFUSE_WHILE_RECORDING();
    used -= release(device_memory, start);
    return cudaSuccess;
}

cudaError_t cudaHostAlloc(void** start, size_t bytes, unsigned) {
    Lock lock(mutex);
    REFUSE_WHILE_RECORDING();
    *start = allocate(pinned_memory, bytes);
    return *start ? cudaSuccess : refuse(cudaErrorMemoryAllocation, __func__);
}

cudaError_t cudaFreeHost(void* start) {
    Lock lock(mutex);
    REFUSE_WHILE_RECORDING();
    release(pinned_memory, start);
    return cudaSuccess;
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
    Lock lock(mutex);
    *total = settings::memory();
    *free = settings::memory() - used;
    return cudaSuccess;
}

cudaError_t cudaPointerGetAttributes(cudaPointerAttributes* attributes, const void* pointer) {
    Lock lock(mutex);
    *attributes = {};
    attributes->type = contains(device_memory, pointer)   ? cudaMemoryTypeDevice
                       : contains(pinned_memory, pointer) ? cudaMemoryTypeHost
                                                          : cudaMemoryTypeUnregistered;
    attributes->devicePointer = attributes->hostPointer = const_cast<void*>(pointer);
    return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind, cudaStream_t stream) {
    Lock lock(mutex);
    bool goes_up = contains(device_memory, to) && !contains(device_memory, from);
    bool comes_down = contains(device_memory, from) && !contains(device_memory, to);
    bool is_pinned = contains(pinned_memory, goes_up ? from : to);
    Capture* capture = of(stream).capture;
    if (capture && (goes_up || comes_down) && !is_pinned) {
        return spoil(*capture, cudaErrorStreamCaptureUnsupported, __func__);
    }
    if (goes_up) count(is_pinned ? "pinned copies up" : "other copies up");
    if (comes_down) count(is_pinned ? "pinned copies down" : "other copies down");
    if (goes_up && !is_pinned) {
        // CUDA is done with such memory when it returns.
        auto start = static_cast<const char*>(from);
        auto staged = std::make_shared<std::vector<char>>(start, start + bytes);
        put(of(stream), {__func__, [=] { std::memcpy(to, staged->data(), bytes); }});
        return cudaSuccess;
    }
    put(of(stream), {__func__, [=] { std::memcpy(to, from, bytes); }});
    if (comes_down && !is_pinned) finish();
    return cudaSuccess;
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
    Lock lock(mutex);
    REFUSE_WHILE_RECORDING();
    cudaMemcpyAsync(to, from, bytes, kind, nullptr);
    count("waits");
    finish();
    return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* start, int value, size_t bytes, cudaStream_t stream) {
    Lock lock(mutex);
    put(of(stream), {__func__, [=] { std::memset(start, value, bytes); }});
    return cudaSuccess;
}

// Streams and events

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned, int) {
    *stream = reinterpret_cast<cudaStream_t>(new Stream);
    return cudaSuccess;
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
    Lock lock(mutex);
    if (Capture* capture = of(stream).capture) return spoil(*capture, cudaErrorStreamCaptureUnsupported, __func__);
    count("waits");
    finish();
    return cudaSuccess;
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
    Lock lock(mutex);
    if (Capture* capture = of(stream).capture) return spoil(*capture, cudaErrorStreamCaptureUnsupported, __func__);
    return finished == queued ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaDeviceSynchronize() {
    Lock lock(mutex);
    if (!captures.empty()) return spoil(*captures.front(), cudaErrorStreamCaptureUnsupported, __func__);
    count("waits");
    finish();
    return cudaSuccess;
}

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned) {
    *event = reinterpret_cast<cudaEvent_t>(new Event);
    return cudaSuccess;
}

cudaError_t cudaEventCreate(cudaEvent_t* event) {
    return cudaEventCreateWithFlags(event, 0);
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
    delete &of(event);
    return cudaSuccess;
}

cudaError_t cudaEventRecordWithFlags(cudaEvent_t event, cudaStream_t stream, unsigned) {
    Lock lock(mutex);
    Capture* capture = of(stream).capture;
    of(event) = {queued, capture ? capture->id : 0, &of(stream)};
    return cudaSuccess;
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
    return cudaEventRecordWithFlags(event, stream, 0);
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
    Lock lock(mutex);
    REFUSE_WHILE_RECORDING();
    if (of(event).capture != 0) return refuse(cudaErrorCapturedEvent, __func__);
    return finished >= of(event).position ? cudaSuccess : cudaErrorNotReady;
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
    Lock lock(mutex);
    REFUSE_WHILE_RECORDING();
    if (of(event).capture != 0) return refuse(cudaErrorCapturedEvent, __func__);
    count("waits");
    finish(of(event).position);
    return cudaSuccess;
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
    Lock lock(mutex);
    Stream& waiting = of(stream);
    Event& awaited = of(event);
    Capture* capture = capture_of(awaited.capture);
    if (waiting.capture && !capture && awaited.stream) {
        return spoil(*waiting.capture, cudaErrorStreamCaptureIsolation, __func__);
    }
    if (capture && !waiting.capture) {
        if (&waiting == &default_stream) return spoil(*capture, cudaErrorStreamCaptureImplicit, __func__);
        waiting.capture = capture;
        capture->streams.insert(&waiting);
    } else if (capture) {
        awaited.stream->is_ahead = false;
    }
    return cudaSuccess;
}

// Graphs

cudaError_t cudaThreadExchangeStreamCaptureMode(cudaStreamCaptureMode* mode) {
    std::swap(*mode, thread_mode);
    return cudaSuccess;
}

cudaError_t cudaStreamIsCapturing(cudaStream_t stream, cudaStreamCaptureStatus* status) {
    Lock lock(mutex);
    Capture* capture = of(stream).capture;
    *status = !capture              ? cudaStreamCaptureStatusNone
              : capture->is_invalid ? cudaStreamCaptureStatusInvalidated
                                    : cudaStreamCaptureStatusActive;
    return cudaSuccess;
}

cudaError_t cudaStreamGetCaptureInfo(cudaStream_t stream, cudaStreamCaptureStatus* status, unsigned long long* id,
                                     cudaGraph_t* graph, const cudaGraphNode_t** nodes, const cudaGraphEdgeData** edges,
                                     size_t* node_count) {
    Lock lock(mutex);
    if (Capture* capture = of(stream).capture; capture && id) *id = capture->id;
    if (graph) *graph = nullptr;
    if (nodes) *nodes = nullptr;
    if (edges) *edges = nullptr;
    if (node_count) *node_count = 0;
    return cudaStreamIsCapturing(stream, status);
}

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode) {
    Lock lock(mutex);
    if (&of(stream) == &default_stream) return refuse(cudaErrorStreamCaptureUnsupported, __func__);
    if (of(stream).capture) return refuse(cudaErrorIllegalState, __func__);
    auto* capture = new Capture{++capture_count, mode, pthread_self()};
    captures.push_back(capture);
    of(stream).capture = capture;
    return cudaSuccess;
}

cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph) {
    Lock lock(mutex);
    *graph = nullptr;
    std::unique_ptr<Capture> capture(std::exchange(of(stream).capture, nullptr));
    if (!capture) return refuse(cudaErrorIllegalState, __func__);
    captures.erase(std::find(captures.begin(), captures.end(), capture.get()));
    bool is_unjoined = false;
    for (Stream* joined : capture->streams) {
        is_unjoined |= std::exchange(joined->is_ahead, false);
        joined->capture = nullptr;
    }
    if (capture->is_invalid) return refuse(cudaErrorStreamCaptureInvalidated, __func__);
    if (is_unjoined) return refuse(cudaErrorStreamCaptureUnjoined, __func__);
    count("recordings");
    *graph = reinterpret_cast<cudaGraph_t>(new Graph{std::move(capture->work)});
    return cudaSuccess;
}

cudaError_t cudaGraphGetNodes(cudaGraph_t graph, cudaGraphNode_t*, size_t* count) {
    *count = reinterpret_cast<Graph*>(graph)->work.size();
    return cudaSuccess;
}

cudaError_t cudaGraphInstantiateWithFlags(cudaGraphExec_t* made, cudaGraph_t graph, unsigned long long) {
    *made = reinterpret_cast<cudaGraphExec_t>(new Graph(*reinterpret_cast<Graph*>(graph)));
    return cudaSuccess;
}

cudaError_t cudaGraphLaunch(cudaGraphExec_t graph, cudaStream_t stream) {
    Lock lock(mutex);
    for (const Work& work : reinterpret_cast<Graph*>(graph)->work) put(of(stream), work);
    return cudaSuccess;
}

cudaError_t cudaGraphDestroy(cudaGraph_t graph) {
    delete reinterpret_cast<Graph*>(graph);
    return cudaSuccess;
}

cudaError_t cudaGraphExecDestroy(cudaGraphExec_t graph) {
    delete reinterpret_cast<Graph*>(graph);
    return cudaSuccess;
}

// Kernels. libtorch's own are machine code for another machine; to launch one is to have found one that is not replaced.

void** __cudaRegisterFatBinary(void*) {
    static void* handle;
    return &handle;
}

void __cudaRegisterFatBinaryEnd(void**) {}

void __cudaUnregisterFatBinary(void**) {}

void __cudaRegisterFunction(void**, const char* function, char* name, const char*, int, uint3*, uint3*, dim3*, dim3*,
                            int*) {
    kernels[function] = name;
}

void __cudaRegisterVar(void**, char*, char*, const char*, int, size_t, int, int) {}

char __cudaInitModule(void**) {
    return 1;
}

unsigned __cudaPushCallConfiguration(dim3, dim3, size_t, void*) {
    return 0;
}

cudaError_t __cudaPopCallConfiguration(dim3*, dim3*, size_t*, void*) {
    return cudaSuccess;
}

cudaError_t __cudaGetKernel(cudaKernel_t* kernel, const void* function) {
    *kernel = reinterpret_cast<cudaKernel_t>(const_cast<void*>(function));
    return cudaSuccess;
}

cudaError_t __cudaLaunchKernel(cudaKernel_t kernel, dim3, dim3, void**, size_t, cudaStream_t) {
    lacks(kernel);
}

cudaError_t cudaLaunchKernel(const void* function, dim3, dim3, void**, size_t, cudaStream_t) {
    lacks(function);
}

cudaError_t cudaLaunchKernelExC(const cudaLaunchConfig_t*, const void* function, void**) {
    lacks(function);
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes* attributes, const void*) {
    *attributes = {};
    return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void*, cudaFuncAttribute, int) {
    return cudaSuccess;
}

cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int* blocks, const void*, int, size_t, unsigned) {
    *blocks = 1;
    return cudaSuccess;
}

}
