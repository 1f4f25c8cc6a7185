#include <sidestep/trainer/models/model.hpp>

#include <array>

#include <fmt/format.h>
#include <sidestep/kernels/error.hpp>
#include <sidestep/trainer/control/nearest.hpp>

namespace sidestep {
namespace {

struct Row {
  std::string_view name;
  Model (*make)();
};
constexpr std::array<Row, 3> models{{{"mlp", mlp}, {"lenet", lenet}, {"resnet8", resnet8}}};
constexpr std::array<std::string_view, models.size()> names{models[0].name, models[1].name, models[2].name};

}  // namespace

kernels::NetworkSpec Model::network(const kernels::Shape& input) const {
  kernels::NetworkSpec spec{input, layers};
  try {
    static_cast<void>(kernels::output_shapes(spec));
  } catch (const kernels::ShapeError& error) {
    throw ModelError(
        fmt::format("model '{}' can't take images of {}x{}x{} ({}). Use images that fit, or another model.", name,
                    input.channels, input.height, input.width, error.what()));
  }
  return spec;
}

Model lenet() {
  using namespace kernels;
  return {"lenet", {Convolution{16, 5}, Convolution{32, 5}, Dense{128, true}, Dense{10, false}}};
}

Model mlp() {
  using kernels::Dense;
  return {"mlp", {Dense{256, true}, Dense{128, true}, Dense{10, false}}};
}

Model resnet8() {
  using namespace kernels;
  return {"resnet8",
          {NormalisedConvolution{16}, Residual{16}, Residual{32, 2}, Residual{64, 2}, GlobalAveragePool{},
           Dense{10, false}}};
}

std::span<const std::string_view> model_names() { return names; }

Model model_named(std::string_view name) {
  for (const Row& row : models)
    if (row.name == name) return row.make();
  throw ModelError(fmt::format("unknown model '{}'. {}", name, did_you_mean(name, names)));
}

}  // namespace sidestep
