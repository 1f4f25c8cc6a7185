# The stand-ins for cuDNN and cuBLASLt, answered through oneDNN: sources for the target sidestep::cuda_emulation.
set(SIDESTEP_EMULATED_LIBRARIES
  cublaslt_descriptors.cpp
  cublaslt_matmul.cpp
  cudnn_batch_norm.cpp
  cudnn_convolution.cpp
  cudnn_convolution_algorithm.cpp
  cudnn_convolution_descriptor.cpp
  cudnn_handle.cpp
  cudnn_pooling.cpp
  cudnn_tensor.cpp
  library_call.cpp
  onednn_convolution.cpp)
set(SIDESTEP_EMULATED_LIBRARIES_NEED DNNL::dnnl gomp)
# Loops over whole tensors: the optimizer that vectorizes them.
set_source_files_properties(cublaslt_matmul.cpp cudnn_batch_norm.cpp cudnn_pooling.cpp PROPERTIES COMPILE_OPTIONS -O3)
