# Where each layer's headers are found, how its targets are made, and the flags that all share.

# <sidestep/bus/ring.hpp> is the same spelling in the build tree and in an installed prefix: the build tree gets links.
set(SIDESTEP_INCLUDE ${PROJECT_BINARY_DIR}/include)
file(MAKE_DIRECTORY ${SIDESTEP_INCLUDE}/sidestep)
foreach(room bus operators kernels trainer)
  file(CREATE_LINK ${PROJECT_SOURCE_DIR}/${room} ${SIDESTEP_INCLUDE}/sidestep/${room} SYMBOLIC)
endforeach()

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release)
endif()

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(sidestep_flags INTERFACE)
target_compile_options(sidestep_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wno-interference-size $<$<CXX_COMPILER_ID:Clang>:-Wno-unknown-warning-option>)
if(SIDESTEP_SANITIZE)
  add_compile_definitions(SIDESTEP_TEST_POINTS)  # where tests may hold a thread
endif()
if(SIDESTEP_SANITIZE STREQUAL "address")
  # Pointer overflow is AddressSanitizer's to find, and its checks make unrolled kernels compile four times as long.
  add_compile_options(-fsanitize=address,undefined -fno-sanitize=pointer-overflow -fno-sanitize-recover=all
                      -fno-omit-frame-pointer)
  add_link_options(-fsanitize=address,undefined)
elseif(SIDESTEP_SANITIZE STREQUAL "thread")
  add_compile_options(-fsanitize=thread -fno-omit-frame-pointer)
  add_link_options(-fsanitize=thread)
endif()

# sidestep_umbrella(bus bus/all.hpp): <sidestep/bus.hpp>, the layer's one umbrella header.
function(sidestep_umbrella name header)
  get_filename_component(header ${header} ABSOLUTE BASE_DIR ${PROJECT_SOURCE_DIR})  # a made one comes with its full path
  file(CREATE_LINK ${header} ${SIDESTEP_INCLUDE}/sidestep/${name}.hpp SYMBOLIC)
  install(FILES ${header} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/sidestep RENAME ${name}.hpp)
endfunction()

# sidestep_layer(bus SOURCES a.cpp ... PUBLIC x PRIVATE y): the target sidestep::bus.
function(sidestep_layer name)
  cmake_parse_arguments(LAYER "" "" "SOURCES;PUBLIC;PRIVATE" ${ARGN})
  add_library(sidestep_${name} STATIC ${LAYER_SOURCES})
  add_library(sidestep::${name} ALIAS sidestep_${name})
  set_target_properties(sidestep_${name} PROPERTIES EXPORT_NAME ${name})
  target_compile_features(sidestep_${name} PUBLIC cxx_std_20)
  target_include_directories(sidestep_${name} PUBLIC
    $<BUILD_INTERFACE:${SIDESTEP_INCLUDE}> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(sidestep_${name} PUBLIC ${LAYER_PUBLIC} PRIVATE $<BUILD_INTERFACE:sidestep_flags> ${LAYER_PRIVATE})
  set_property(GLOBAL APPEND PROPERTY SIDESTEP_LAYERS sidestep_${name})
  install(TARGETS sidestep_${name} EXPORT sidestep-targets ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR})
endfunction()
