#pragma once

/// How a kernel and its arguments get to the emulation: by value, as CUDA copies them at the launch.

#include <cstddef>
#include <tuple>
#include <utility>

#include "cuda_runtime_api.h"

extern "C++" {

namespace sidestep::emulation::detail {

/// A kernel with a copy of its arguments. The functions are compiled where the kernel is, so sanitizers see them.
struct KernelCall {
  const void* kernel = nullptr;              ///< its address: its name, in messages
  void (*run)(const KernelCall*) = nullptr;  ///< one thread of it
  void (*destroy)(KernelCall*) = nullptr;
  const void* (*argument)(const KernelCall*, std::size_t index, std::size_t* bytes) = nullptr;  ///< null past the last
};

template <class... Parameters>
struct TypedKernelCall : KernelCall {
  void (*function)(Parameters...);
  std::tuple<Parameters...> arguments;

  template <std::size_t... Index>
  __attribute__((always_inline)) void call(std::index_sequence<Index...>) const {
    function(std::get<Index>(arguments)...);
  }

  TypedKernelCall(void (*f)(Parameters...), Parameters... values) : function(f), arguments(values...) {
    kernel = reinterpret_cast<const void*>(f);
    run = [](const KernelCall* call) {
      const auto* self = static_cast<const TypedKernelCall*>(call);
      self->call(std::index_sequence_for<Parameters...>{});
    };
    destroy = [](KernelCall* call) { delete static_cast<TypedKernelCall*>(call); };
    argument = [](const KernelCall* call, [[maybe_unused]] std::size_t index,
                  [[maybe_unused]] std::size_t* bytes) -> const void* {
      const auto* self = static_cast<const TypedKernelCall*>(call);
      const void* found = nullptr;
      std::apply(
          [&](const Parameters&... values) {
            [[maybe_unused]] std::size_t at = 0;
            ((at++ == index ? (found = &values, *bytes = sizeof values) : 0), ...);
          },
          self->arguments);
      return found;
    };
  }
};

/// Takes the call, whatever comes of it.
cudaError_t launch(const cudaLaunchConfig_t* config, KernelCall* call);

}  // namespace sidestep::emulation::detail

template <class... Parameters, class... Arguments>
inline cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(Parameters...),
                                      Arguments&&... arguments) {
  using Call = sidestep::emulation::detail::TypedKernelCall<Parameters...>;
  return sidestep::emulation::detail::launch(config, new Call(kernel, std::forward<Arguments>(arguments)...));
}

}  // extern "C++"
