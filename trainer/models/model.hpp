#pragma once
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <sidestep/kernels/network.hpp>

namespace sidestep {

/// No model has this name, or it can't take images of this size. `what()` is a sentence with the mend.
struct ModelError : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// A network's layers under a name. The size of its input is the data's; its last layer gives ten classes.
struct Model {
  std::string name;
  std::vector<kernels::LayerSpec> layers;

  /// For images of this size. Throws ModelError if the layers can't take them.
  kernels::NetworkSpec network(const kernels::Shape& input) const;
};

/// Two convolutions 5x5 of 16 and 32 filters, each with ReLU and 2x2 max-pooling; dense layers of 128 and 10. After
/// LeNet-5 (LeCun et al., 1998).
Model lenet();
/// Dense layers of 256, 128 and 10.
Model mlp();
/// A convolution 3x3 of 16 filters with batch normalisation; residual blocks of 16, 32 and 64 filters, the last two of
/// stride 2; the mean of each channel; a dense layer of 10. The shape of MLPerf Tiny's ResNet (Banbury et al., 2021).
Model resnet8();

std::span<const std::string_view> model_names();
/// Throws ModelError with the nearest right name.
Model model_named(std::string_view name);

}  // namespace sidestep
