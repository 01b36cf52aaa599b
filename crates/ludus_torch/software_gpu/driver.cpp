// The software GPU's driver, `libcuda.so.1`: what programs ask before they open CUDA's runtime.

#include <cstdio>

#include "settings.h"

namespace {

// Error codes of `cuda.h`.
constexpr int success = 0;
constexpr int no_device = 100;
constexpr int invalid_device = 101;
constexpr int not_supported = 801;

int context;

}  // namespace

extern "C" {

int cuInit(unsigned) {
    return settings::device_count() > 0 ? success : no_device;
}

int cuDriverGetVersion(int* version) {
    *version = settings::cuda_version();
    return success;
}

int cuDeviceGetCount(int* count) {
    *count = settings::device_count();
    return success;
}

int cuDeviceGet(int* device, int index) {
    *device = index;
    return index >= 0 && index < settings::device_count() ? success : invalid_device;
}

int cuDeviceGetName(char* name, int length, int) {
    std::snprintf(name, static_cast<size_t>(length), "software GPU");
    return success;
}

int cuDeviceTotalMem_v2(size_t* bytes, int) {
    *bytes = settings::memory();
    return success;
}

int cuMemGetInfo_v2(size_t* free, size_t* total) {
    *total = settings::memory();
    *free = settings::memory() - settings::own_memory();
    return success;
}

int cuDevicePrimaryCtxRetain(void** retained, int) {
    *retained = &context;
    return success;
}

int cuDevicePrimaryCtxRelease_v2(int) {
    return success;
}

int cuDevicePrimaryCtxGetState(int, unsigned* flags, int* is_active) {
    *flags = 0;
    *is_active = 1;
    return success;
}

int cuCtxPushCurrent_v2(void*) {
    return success;
}

int cuCtxPopCurrent_v2(void** popped) {
    *popped = &context;
    return success;
}

int cuCtxGetCurrent(void** current) {
    *current = &context;
    return success;
}

int cuCtxSetCurrent(void*) {
    return success;
}

int cuGetErrorString(int, const char** text) {
    *text = "an error";
    return success;
}

// libtorch asks for these when it opens the driver, and calls them for kernels that it compiles on its way: none of ours.
#define NOT_SUPPORTED(function) \
    int function() {            \
        return not_supported;   \
    }
NOT_SUPPORTED(cuDeviceGetAttribute)
NOT_SUPPORTED(cuFuncGetAttribute)
NOT_SUPPORTED(cuFuncSetAttribute)
NOT_SUPPORTED(cuFuncSetCacheConfig)
NOT_SUPPORTED(cuLaunchCooperativeKernel)
NOT_SUPPORTED(cuLaunchKernel)
NOT_SUPPORTED(cuLinkAddData_v2)
NOT_SUPPORTED(cuLinkComplete)
NOT_SUPPORTED(cuLinkCreate_v2)
NOT_SUPPORTED(cuModuleGetFunction)
NOT_SUPPORTED(cuModuleLoad)
NOT_SUPPORTED(cuModuleLoadData)
NOT_SUPPORTED(cuModuleLoadDataEx)
NOT_SUPPORTED(cuModuleUnload)
NOT_SUPPORTED(cuOccupancyMaxActiveBlocksPerMultiprocessor)
NOT_SUPPORTED(cuPointerGetAttribute)
NOT_SUPPORTED(cuTensorMapEncodeTiled)

}
