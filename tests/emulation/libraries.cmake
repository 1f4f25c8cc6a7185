# Tests of the emulated cuDNN and cuBLASLt; included by this folder's CMakeLists.txt.
sidestep_test(emulated_libraries_test
  SOURCES
    cublaslt_matmul_test.cpp
    cudnn_batch_norm_test.cpp
    cudnn_bits_test.cpp
    cudnn_convolution_test.cpp
    cudnn_faults_test.cpp
    cudnn_graph_test.cpp
    cudnn_pooling_test.cpp
  LIBRARIES sidestep::cuda_emulation
  LABELS memory threads)

# Comparisons with the real headers and libraries, where those are installed: no device needed, and once is enough.
if(SIDESTEP_SANITIZE)
  return()
endif()

find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)
find_package(CUDAToolkit QUIET)
find_path(CUDNN_INCLUDE cudnn.h HINTS ${CUDAToolkit_INCLUDE_DIRS})
find_library(CUDNN_LIBRARY cudnn HINTS ${CUDAToolkit_LIBRARY_DIR})
find_program(SIDESTEP_CLANG NAMES clang++ clang++-14)
set(real_headers ${CUDAToolkit_INCLUDE_DIRS} ${CUDNN_INCLUDE})
list(REMOVE_DUPLICATES real_headers)

set(nvcc "")
if(CUDAToolkit_FOUND AND CUDAToolkit_VERSION VERSION_GREATER_EQUAL 13)
  set(nvcc ${CUDAToolkit_NVCC_EXECUTABLE})
endif()
add_test(NAME build.device_words COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/device_words_test.py
         ${CMAKE_CXX_COMPILER} ${PROJECT_SOURCE_DIR}/kernels/emulation/include
         ${CMAKE_CURRENT_LIST_DIR}/device_words.cu ${nvcc})
add_test(NAME build.calls_not_in_use COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/calls_not_in_use_test.py
         ${CMAKE_CXX_COMPILER} ${PROJECT_SOURCE_DIR}/kernels/emulation/include
         $<TARGET_FILE:sidestep_cuda_emulation> -ltbb -lboost_context -ldnnl -lgomp -lpthread)
set_tests_properties(build.device_words build.calls_not_in_use PROPERTIES LABELS build TIMEOUT 120)

if(CUDAToolkit_FOUND AND CUDNN_INCLUDE AND SIDESTEP_CLANG)
  foreach(variant "" --break)
    set(name build.stand_in_headers${variant})
    add_test(NAME ${name} COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/headers_agree_test.py
             ${SIDESTEP_CLANG} ${PROJECT_SOURCE_DIR}/kernels/emulation/include ${variant} ${real_headers})
    set_tests_properties(${name} PROPERTIES LABELS build TIMEOUT 120)
  endforeach()
endif()

if(CUDAToolkit_FOUND AND CUDNN_INCLUDE AND CUDNN_LIBRARY AND TARGET CUDA::cublasLt)
  add_executable(emulated_library_answers library_answers.cpp)
  target_link_libraries(emulated_library_answers PRIVATE sidestep::trainer sidestep::cuda_emulation)
  add_executable(real_library_answers library_answers.cpp)
  target_include_directories(real_library_answers SYSTEM PRIVATE ${real_headers})
  target_link_libraries(real_library_answers PRIVATE sidestep::trainer ${CUDNN_LIBRARY} CUDA::cublasLt)
  add_test(NAME build.library_answers COMMAND ${Python3_EXECUTABLE} ${CMAKE_CURRENT_LIST_DIR}/library_answers_test.py
           $<TARGET_FILE:emulated_library_answers> $<TARGET_FILE:real_library_answers>)
  set_tests_properties(build.library_answers PROPERTIES LABELS build TIMEOUT 120)
endif()
