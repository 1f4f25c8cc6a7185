#pragma once

/// Stand-in for the CUDA Toolkit's library_types.h: the element types that the emulated cuBLASLt knows.
/// Names and values as in the toolkit; a test compares them where the toolkit is installed.

typedef enum cudaDataType_t {
  CUDA_R_32F = 0,
  CUDA_R_64F = 1,
  CUDA_R_16F = 2,
  CUDA_R_8I = 3,
  CUDA_R_8U = 8,
  CUDA_R_32I = 10,
  CUDA_R_16BF = 14,
} cudaDataType;
