#pragma once

#include <sidestep/kernels/cpu/hand/dense.hpp>
#include <sidestep/kernels/cpu/hand/direct.hpp>
#include <sidestep/kernels/cpu/hand/norm.hpp>
#include <sidestep/kernels/cpu/hand/sparse.hpp>
#include <sidestep/kernels/cpu/hand/table.hpp>
#include <sidestep/kernels/cpu/hand/update.hpp>
#include <sidestep/kernels/cpu/hand/winograd.hpp>

namespace {

template <int W>
constexpr sidestep::kernels::cpu::HandKernels make_table() {
  return {.direct_forward = direct_forward<W>,
          .direct_weight_gradient = direct_weight_gradient<W>,
          .winograd_forward = winograd_forward<W>,
          .winograd_weights = winograd_weights<W>,
          .sparse_weight_gradient = sparse_weight_gradient<W>,
          .sparse_data_gradient = sparse_data_gradient<W>,
          .dense_forward = dense_forward<W>,
          .dense_data_gradient = dense_data_gradient<W>,
          .dense_weight_gradient = dense_weight_gradient<W>,
          .update = update<W>,
          .norm = make_norm_kernels<W>()};
}

}  // namespace
