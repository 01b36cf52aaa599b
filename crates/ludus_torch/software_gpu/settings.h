// What the software GPU is to be, as the environment says.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>

namespace settings {

inline size_t number(const char* name, size_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

inline int device_count() {
    return static_cast<int>(number("SOFTWARE_GPU_COUNT", 1));
}

// Of each device [bytes].
inline size_t memory() {
    return number("SOFTWARE_GPU_MEMORY", 16'000'000'000);
}

// What the driver has taken of it before anybody asks for some [bytes].
inline size_t own_memory() {
    return std::min<size_t>(memory(), 500'000'000);
}

// 1000 times the major version plus 10 times the minor.
inline int cuda_version() {
    return static_cast<int>(number("SOFTWARE_GPU_CUDA", 13000));
}

}  // namespace settings
