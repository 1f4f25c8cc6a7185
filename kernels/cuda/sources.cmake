# The backend's files, for both ways of compiling them: by nvcc, and by the host's compiler over the emulation.
set(SIDESTEP_CUDA_KERNELS
  bias_activation.cu bias_gradient.cu dropout.cu elementwise.cu gradient_norm.cu mean_pooling.cu normalise_input.cu
  optimizer_step.cu softmax_cross_entropy.cu step_kernels.cu)
set(SIDESTEP_CUDA_SOURCES
  algorithms.cpp convolution.cpp convolution_layer.cpp dense_layer.cpp device.cpp entry.cpp error.cpp launch_error.cpp
  matmul.cpp memory.cpp normalisation.cpp parameters.cpp plan.cpp pooling.cpp residual_layer.cpp session.cpp
  small_layers.cpp snapshot.cpp step_graph.cpp step_ring.cpp)
