#include <sidestep/kernels/emulation/cudnn_types.hpp>

using namespace sidestep::emulation;
using namespace sidestep::emulation::cudnn;

cudnnStatus_t cudnnAddTensor(cudnnHandle_t handle, const void* alpha, const cudnnTensorDescriptor_t a_descriptor,
                             const void* a, const void* beta, const cudnnTensorDescriptor_t c_descriptor, void* c) {
  if (const auto s = check_call(__func__, handle, {alpha, a, beta, c}, {a_descriptor, c_descriptor})) return s;
  if (const auto s = check_float(__func__, {a_descriptor, c_descriptor})) return s;
  for (int i = 0; i < 4; ++i)
    if (a_descriptor->size[i] != 1 && a_descriptor->size[i] != c_descriptor->size[i])
      return refuse(CUDNN_STATUS_BAD_PARAM, __func__, "a dimension of A is neither 1 nor that of C");
  const Blend blend = blend_of(alpha, beta);
  std::vector<Region> regions;
  add_regions(regions, "A", a, *a_descriptor, Region::Kind::read);
  add_regions(regions, "C", c, *c_descriptor, output_kind(blend));
  return cudnn::submit(handle, __func__, std::move(regions), [=, at = *a_descriptor, ct = *c_descriptor] {
    const auto* from = static_cast<const float*>(a);
    auto* to = static_cast<float*>(c);
    const auto step = [&](int i) { return at.size[i] == 1 ? 0 : std::ptrdiff_t{at.stride[i]}; };
    for (int n = 0; n < ct.size[0]; ++n)
      for (int h = 0; h < ct.size[2]; ++h)
        for (int w = 0; w < ct.size[3]; ++w)
          for (int k = 0; k < ct.size[1]; ++k) {
            float& out = to[std::ptrdiff_t{n} * ct.stride[0] + std::ptrdiff_t{k} * ct.stride[1] +
                            std::ptrdiff_t{h} * ct.stride[2] + std::ptrdiff_t{w} * ct.stride[3]];
            out = blend(from[n * step(0) + k * step(1) + h * step(2) + w * step(3)], out);
          }
  });
}
