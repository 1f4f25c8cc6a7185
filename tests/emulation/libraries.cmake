# Tests of the emulated cuDNN and cuBLASLt; included by this folder's CMakeLists.txt.
sidestep_test(emulated_libraries_test
  SOURCES
    cublaslt_matmul_test.cpp
    cudnn_batch_norm_test.cpp
    cudnn_convolution_test.cpp
    cudnn_pooling_test.cpp
  LIBRARIES sidestep::cuda_emulation
  LABELS memory threads)
