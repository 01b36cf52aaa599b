//! The wheels that libtorch is taken from, and the parts of them that are taken.

/// A wheel of the package index, and its parts that are wanted.
#[derive(Debug)]
pub struct Wheel {
    pub package: &'static str,
    pub version: &'static str,
    pub file: &'static str,
    pub bytes: u64,
    pub sha256: &'static str,
    pub parts: &'static [Part],
}

/// A part of a wheel, and where it goes.
#[derive(Clone, Copy, Debug)]
pub enum Part {
    /// Everything below a folder of the wheel.
    Tree { from: &'static str, to: &'static str },
    /// A single file.
    File { from: &'static str, to: &'static str },
    /// Every shared library, without the folders above it.
    Libraries { to: &'static str },
    /// A link beside the wheel's files.
    Link { name: &'static str, target: &'static str },
    /// A file that is in no wheel.
    Text { name: &'static str, text: &'static str },
}

const TORCH: Wheel = Wheel {
    package: "torch",
    version: "2.11.0",
    file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    bytes: 530_604_548,
    sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
    parts: &[
        Part::Tree { from: "torch/include/", to: "include/" },
        Part::File { from: "torch/lib/libtorch_cpu.so", to: "lib/libtorch_cpu.so" },
        Part::File { from: "torch/lib/libc10.so", to: "lib/libc10.so" },
        Part::File { from: "torch/lib/libgomp.so.1", to: "lib/libgomp.so.1" },
        // Builds link to `libtorch`, which in the wheel holds nothing that a program for the CPU needs.
        Part::Link { name: "lib/libtorch.so", target: "libtorch_cpu.so" },
        // The build script of torch-sys checks this file.
        Part::Text { name: "build-version", text: "2.11.0\n" },
    ],
};

const RUNTIME: Wheel = Wheel {
    package: "nvidia-cuda-runtime",
    version: "13.0.96",
    file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    bytes: 2_243_632,
    sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
    parts: &[
        Part::File { from: "nvidia/cu13/lib/libcudart.so.13", to: "lib/libcudart.so.13" },
        Part::Tree { from: "nvidia/cu13/include/", to: "include/cuda/" },
    ],
};

/// Headers that those of CUDA's runtime include.
const CRT: Wheel = Wheel {
    package: "nvidia-cuda-crt",
    version: "13.0.88",
    file: "nvidia_cuda_crt-13.0.88-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    bytes: 134_086,
    sha256: "2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4",
    parts: &[Part::Tree { from: "nvidia/cu13/include/", to: "include/cuda/" }],
};

const CUPTI: Wheel = Wheel {
    package: "nvidia-cuda-cupti",
    version: "13.0.85",
    file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
    bytes: 10_715_597,
    sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
    parts: &[Part::File { from: "nvidia/cu13/lib/libcupti.so.13", to: "lib/libcupti.so.13" }],
};

/// The wheels for building and for computing on the CPU. torch 2.11.0 has one wheel, which is built for CUDA 13: so its
/// part for the CPU needs CUDA's runtime and profiler, which do nothing where there is no driver.
pub const CPU: &[Wheel] = &[TORCH, RUNTIME, CRT, CUPTI];

/// The wheels that have CUDA's headers.
pub const HEADERS: &[Wheel] = &[RUNTIME, CRT];

/// All shared libraries of a wheel.
const LIBRARIES: &[Part] = &[Part::Libraries { to: "lib/" }];

/// The wheels for computing on a GPU: libtorch's part for CUDA, and the libraries that it needs, all in one folder.
pub const CUDA: &[Wheel] = &[
    Wheel {
        parts: &[
            Part::File { from: "torch/lib/libtorch_cuda.so", to: "lib/libtorch_cuda.so" },
            Part::File { from: "torch/lib/libtorch_cuda_linalg.so", to: "lib/libtorch_cuda_linalg.so" },
            Part::File { from: "torch/lib/libc10_cuda.so", to: "lib/libc10_cuda.so" },
            Part::File { from: "torch/lib/libcaffe2_nvrtc.so", to: "lib/libcaffe2_nvrtc.so" },
            Part::File { from: "torch/lib/libtorch_nvshmem.so", to: "lib/libtorch_nvshmem.so" },
        ],
        ..TORCH
    },
    Wheel {
        package: "nvidia-cublas",
        version: "13.1.0.3",
        file: "nvidia_cublas-13.1.0.3-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 423_133_236,
        sha256: "ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-cuda-nvrtc",
        version: "13.0.88",
        file: "nvidia_cuda_nvrtc-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        bytes: 90_215_200,
        sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-cudnn-cu13",
        version: "9.19.0.56",
        file: "nvidia_cudnn_cu13-9.19.0.56-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 366_066_321,
        sha256: "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-cufft",
        version: "12.0.0.61",
        file: "nvidia_cufft-12.0.0.61-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 214_085_489,
        sha256: "6c44f692dce8fd5ffd3e3df134b6cdb9c2f72d99cf40b62c32dde45eea9ddad3",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-cufile",
        version: "1.15.1.6",
        file: "nvidia_cufile-1.15.1.6-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 1_223_672,
        sha256: "08a3ecefae5a01c7f5117351c64f17c7c62efa5fffdbe24fc7d298da19cd0b44",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-curand",
        version: "10.4.0.35",
        file: "nvidia_curand-10.4.0.35-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 59_544_258,
        sha256: "1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-cusolver",
        version: "12.0.4.66",
        file: "nvidia_cusolver-12.0.4.66-py3-none-manylinux_2_27_x86_64.whl",
        bytes: 200_941_980,
        sha256: "0a759da5dea5c0ea10fd307de75cdeb59e7ea4fcb8add0924859b944babf1112",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-cusparse",
        version: "12.6.3.3",
        file: "nvidia_cusparse-12.6.3.3-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 145_942_937,
        sha256: "2b3c89c88d01ee0e477cb7f82ef60a11a4bcd57b6b87c33f789350b59759360b",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-cusparselt-cu13",
        version: "0.8.0",
        file: "nvidia_cusparselt_cu13-0.8.0-py3-none-manylinux2014_x86_64.whl",
        bytes: 169_884_119,
        sha256: "25e30a8a7323935d4ad0340b95a0b69926eee755767e8e0b1cf8dd85b197d3fd",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-nccl-cu13",
        version: "2.28.9",
        file: "nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl",
        bytes: 196_493_177,
        sha256: "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-nvjitlink",
        version: "13.0.88",
        file: "nvidia_nvjitlink-13.0.88-py3-none-manylinux2010_x86_64.manylinux_2_12_x86_64.whl",
        bytes: 40_713_933,
        sha256: "13a74f429e23b921c1109976abefacc69835f2f433ebd323d3946e11d804e47b",
        parts: LIBRARIES,
    },
    Wheel {
        package: "nvidia-nvshmem-cu13",
        version: "3.4.5",
        file: "nvidia_nvshmem_cu13-3.4.5-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        bytes: 60_412_546,
        sha256: "290f0a2ee94c9f3687a02502f3b9299a9f9fe826e6d0287ee18482e78d495b80",
        parts: LIBRARIES,
    },
];
