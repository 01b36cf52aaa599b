// The software GPU's kernels: libtorch's own for the CPU, on the device's memory.
//
// Every operation that libtorch has for CUDA and for the CPU is taken over for CUDA. It makes its results' memory at once,
// as libtorch does, and queues the arithmetic; so it is done later, or recorded and done again and again, with what is in
// the memory by then.

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/native/Copy.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAStream.h>
#include <torch/library.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <unordered_set>
#include <utility>
#include <vector>

#include "queue.h"

namespace at::native {
Tensor& copy_(Tensor& self, const Tensor& source, bool non_blocking);
}

namespace {

using at::Tensor;
using c10::IValue;
using c10::OperatorHandle;
using torch::jit::Stack;

// Below autograd, which has done its part when a kernel is called.
struct BelowAutograd {
    at::AutoDispatchBelowADInplaceOrView below;
    at::NoGradGuard no_grad;
};

[[noreturn]] void give_up(const std::string& why) {
    std::cerr << "software GPU: " << why << std::endl;
    std::abort();
}

// The same memory, as the CPU sees it. Does not keep it alive: nor does a kernel.
Tensor seen_by_cpu(const Tensor& tensor) {
    void* start = tensor.numel() == 0 ? nullptr : tensor.data_ptr();
    return at::from_blob(start, tensor.sizes(), tensor.strides(), at::TensorOptions().dtype(tensor.dtype()));
}

// A tensor of the same shape on the CPU, of zeros, which are valid as indices too.
Tensor blank(const Tensor& tensor) {
    return at::empty_strided(tensor.sizes(), tensor.strides(), tensor.options().device(at::kCPU)).zero_();
}

// The arguments with every tensor of the device replaced.
template <typename Replace>
std::vector<IValue> replaced(const std::vector<IValue>& arguments, Replace replace) {
    auto replaced = [&](const Tensor& tensor) {
        return tensor.defined() && tensor.is_cuda() ? replace(tensor) : tensor;
    };
    std::vector<IValue> result;
    for (const IValue& argument : arguments) {
        if (argument.isTensor()) {
            result.emplace_back(replaced(argument.toTensor()));
        } else if (argument.isTensorList()) {
            c10::List<Tensor> list;
            for (const Tensor& tensor : argument.toTensorVector()) list.push_back(replaced(tensor));
            result.emplace_back(list);
        } else if (argument.isOptionalTensorList()) {
            c10::List<std::optional<Tensor>> list;
            for (std::optional<Tensor> tensor : argument.toOptionalTensorList()) {
                list.push_back(tensor ? std::optional(replaced(*tensor)) : tensor);
            }
            result.emplace_back(list);
        } else if (argument.isDevice()) {
            result.emplace_back(at::Device(at::kCPU));
        } else {
            result.push_back(argument);
        }
    }
    return result;
}

// An operation's results on the device; those that are none of its arguments are made, and listed as the CPU sees them.
struct Results {
    std::vector<IValue> values;
    std::vector<std::pair<size_t, Tensor>> made;
};

// Tries an operation with blank tensors, to learn what it returns.
Results results(const OperatorHandle& op, const std::vector<IValue>& arguments) {
    std::vector<std::pair<Tensor, Tensor>> blanks;
    Stack trial = replaced(arguments, [&](const Tensor& tensor) {
        return blanks.emplace_back(tensor, blank(tensor)).second;
    });
    op.callBoxed(&trial);
    Results results;
    for (size_t index = 0; index < trial.size(); index++) {
        if (!trial[index].isTensor()) give_up(op.schema().name() + " returns something else than tensors");
        Tensor tried = trial[index].toTensor();
        auto argument = std::find_if(blanks.begin(), blanks.end(), [&](auto& pair) { return pair.second.is_same(tried); });
        if (!tried.defined()) {
            results.values.emplace_back(tried);
        } else if (argument != blanks.end()) {
            if (argument->first.sizes() != tried.sizes()) argument->first.resize_(tried.sizes());
            results.values.emplace_back(argument->first);
        } else {
            at::Device device(at::kCUDA, c10::cuda::current_device());
            Tensor made = at::empty_strided(tried.sizes(), tried.strides(), tried.options().device(device));
            results.made.emplace_back(index, seen_by_cpu(made));
            results.values.emplace_back(made);
        }
    }
    return results;
}

void compute(const OperatorHandle& op, c10::DispatchKeySet, Stack* stack) {
    BelowAutograd guard;
    std::vector<IValue> arguments = torch::jit::pop(*stack, op.schema().arguments().size());
    Results results = ::results(op, arguments);
    stack->insert(stack->end(), results.values.begin(), results.values.end());
    auto work = [op, arguments = replaced(arguments, seen_by_cpu), made = std::move(results.made)] {
        BelowAutograd guard;
        Stack stack(arguments);
        op.callBoxed(&stack);
        for (auto [index, place] : made) place.copy_(stack[index].toTensor());
    };
    software_gpu_queue(c10::cuda::getCurrentCUDAStream().stream(), op.schema().name().c_str(), work);
}

// Copies between the host and the device stay libtorch's own: what they ask of CUDA is to be seen.
void copy(const OperatorHandle& op, c10::DispatchKeySet keys, Stack* stack) {
    if (torch::jit::peek(*stack, 0, 3).toTensor().is_cuda() && torch::jit::peek(*stack, 1, 3).toTensor().is_cuda()) {
        return compute(op, keys, stack);
    }
    std::vector<IValue> arguments = torch::jit::pop(*stack, 3);
    Tensor self = arguments[0].toTensor();
    at::native::copy_(self, arguments[1].toTensor(), arguments[2].toBool());
    stack->emplace_back(self);
}

// Makes memory, looks at it another way, or reads it back: nothing to compute.
const std::unordered_set<std::string> host_work = {
    "aten::_efficientzerotensor", "aten::_local_scalar_dense", "aten::_pin_memory", "aten::_reshape_alias",
    "aten::alias",                "aten::as_strided",          "aten::empty",       "aten::empty_strided",
    "aten::is_pinned",            "aten::is_set_to",           "aten::record_stream", "aten::resize_",
    "aten::set_",                 "aten::unfold",              "aten::view",        "aten::view_as_complex",
    "aten::view_as_real",
};

// cuDNN's, which libtorch chooses itself.
const std::unordered_set<std::string> convolutions = {"aten::convolution", "aten::convolution_backward"};

bool is_taken_over(const c10::OperatorName& name, const OperatorHandle& op) {
    if (name.name.rfind("aten::", 0) != 0 || host_work.count(name.name)) return false;
    bool has_both = op.hasKernelForDispatchKey(c10::DispatchKey::CUDA) && op.hasKernelForDispatchKey(c10::DispatchKey::CPU);
    return has_both || convolutions.count(name.name);
}

void take_over() {
    // Never given back: at the program's end libtorch may be gone first.
    static auto* handles = new std::vector<c10::RegistrationHandleRAII>;
    c10::Dispatcher& dispatcher = c10::Dispatcher::singleton();
    auto install = [&](const c10::OperatorName& name, c10::KernelFunction kernel) {
        handles->push_back(
            dispatcher.registerImpl(name, c10::DispatchKey::CUDA, kernel, std::nullopt, nullptr, "software GPU"));
    };
    // It warns of kernels that are replaced, which is what we are here for.
    struct Silence : c10::WarningHandler {
        void process(const c10::Warning&) override {}
    } silence;
    c10::WarningUtils::WarningHandlerGuard guard(&silence);
    for (const c10::OperatorName& name : dispatcher.getAllOpNames()) {
        std::optional<OperatorHandle> op = dispatcher.findOp(name);
        if (name.name == "aten::copy_" && name.overload_name.empty()) {
            install(name, c10::KernelFunction::makeFromBoxedFunction<&copy>());
        } else if (op && is_taken_over(name, *op)) {
            install(name, c10::KernelFunction::makeFromBoxedFunction<&compute>());
        }
    }
}

[[maybe_unused]] const bool is_taken_over_now = (take_over(), true);

}  // namespace
