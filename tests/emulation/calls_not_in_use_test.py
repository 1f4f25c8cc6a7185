#!/usr/bin/env python3
"""Calls of CUDA's that the emulation hasn't got don't exist in it: who makes one is told so by the compiler, or, with
declarations from elsewhere, by the linker; in both cases by name.

Usage: calls_not_in_use_test.py CXX STAND_INS LIBRARY...     (what a program that uses the emulation links)
"""
import pathlib
import re
import subprocess
import sys
import tempfile

IN_USE = """#include <cuda_runtime.h>
#include <cublasLt.h>
#include <cudnn.h>
int main() {
  void* memory = nullptr;
  cudnnTensorDescriptor_t tensor{};
  cublasLtMatmulDesc_t product{};
  if (cudaMalloc(&memory, 64) || cudaFree(memory)) return 1;
  if (cudnnCreateTensorDescriptor(&tensor) || cudnnDestroyTensorDescriptor(tensor)) return 2;
  return cublasLtMatmulDescCreate(&product, CUBLAS_COMPUTE_32F, CUDA_R_32F) || cublasLtMatmulDescDestroy(product);
}
"""
# One of each kind: managed memory, callbacks and child graphs that no test here counts; other layers; other products.
NOT_IN_USE = {
    "cudaMallocManaged": "void**, unsigned long, unsigned",
    "cudaMallocPitch": "void**, unsigned long*, unsigned long, unsigned long",
    "cudaMemcpy2DAsync": "void*, unsigned long, const void*, unsigned long, unsigned long, unsigned long, int, void*",
    "cudaLaunchHostFunc": "void*, void (*)(void*), void*",
    "cudaGraphAddChildGraphNode": "void**, void*, void* const*, unsigned long, void*",
    "cudaDeviceReset": "",
    "cudnnCreateRNNDescriptor": "void**",
    "cudnnBackendExecute": "void*, void*, void*",
    "cudnnFindConvolutionForwardAlgorithm": "void*, void*, void*, void*, void*, int, int*, void*",
    "cudnnSoftmaxForward": "void*, int, int, const void*, void*, const void*, const void*, void*, void*",
    "cublasLtMatrixTransform": "void*, void*, const void*, const void*, void*, const void*, const void*, void*, void*, void*, void*",
    "cublasSgemm_v2": "void*, int, int, int, int, int, const float*, const float*, int, const float*, int, const float*, float*, int",
}


def main():
    cxx, stand_ins, libraries = sys.argv[1], sys.argv[2], sys.argv[3:]
    with tempfile.TemporaryDirectory() as name:
        scratch = pathlib.Path(name)

        def built(source, *options):
            code = scratch / "program.cpp"
            code.write_text(source)
            command = [cxx, "-std=c++20", "-O0", str(code), "-o", str(scratch / "program"), "-I", stand_ins, *options]
            return subprocess.run(command, capture_output=True, text=True)

        linked = built(IN_USE, *libraries)
        if linked.returncode:
            sys.exit(f"a program that uses what is there doesn't build:\n{linked.stderr}")
        if subprocess.run([scratch / "program"]).returncode:
            sys.exit("a program that uses what is there fails")

        body = "".join(f"auto* const call_{i} = &{call};\n" for i, call in enumerate(NOT_IN_USE))
        refused = built("#include <cuda_runtime.h>\n#include <cublasLt.h>\n#include <cudnn.h>\n" + body, "-fsyntax-only")
        declared = "".join(f'extern "C" int {call}({types});\n' for call, types in NOT_IN_USE.items())
        calls = ", ".join(f"reinterpret_cast<void*>(&{call})" for call in NOT_IN_USE)
        unresolved = built(f"{declared}void* volatile calls[] = {{{calls}}};\nint main() {{ return calls[0] == nullptr; }}",
                           *libraries)
    wrong = []
    for call in NOT_IN_USE:
        if not refused.returncode or not re.search(rf"error: .*['‘]{call}['’]", refused.stderr):
            wrong.append(f"{call} is declared in the stand-ins")
        if not unresolved.returncode or not re.search(rf"undefined (reference to|symbol:?) [`'‘]?{call}\b", unresolved.stderr):
            wrong.append(f"{call} is linked: there is something of that name")
    if wrong:
        sys.exit("\n".join([*wrong, refused.stderr[:2000], unresolved.stderr[:2000]]))
    print(f"{len(NOT_IN_USE)} calls, refused by the compiler and by the linker")


if __name__ == "__main__":
    main()
