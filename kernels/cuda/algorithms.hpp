#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace sidestep::kernels::cuda {

/// Which algorithm each convolution uses, by name: "conv1.forward@64" (layer, direction, batch). Chosen by cuDNN's
/// heuristics the first time, and then kept: in a checkpoint as text, so that a resumed run computes the same bits. The
/// number names the algorithm and its arithmetic (convolution.cpp). One entry more is cuBLASLt's version:
/// "cublaslt=130100".
class Algorithms {
 public:
  Algorithms() = default;
  /// "conv1.forward@64=301 conv1.backward_filter@64=303". Throws Error for another text.
  explicit Algorithms(std::string_view text);

  std::optional<int> find(const std::string& name) const;
  void keep(const std::string& name, int algorithm) { chosen_[name] = algorithm; }
  std::string text() const;

 private:
  std::map<std::string, int> chosen_;
};

}  // namespace sidestep::kernels::cuda
