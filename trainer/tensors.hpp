#pragma once
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include <sidestep/bus/types.hpp>
#include <sidestep/kernels/session.hpp>
#include <sidestep/trainer/control/safetensors.hpp>

namespace sidestep {

/// A copy of the weights that somebody asked to keep. Shared, since checkpoints that are being written hold it too.
struct KeptWeights {
  Step cause_step = 0;
  std::shared_ptr<const kernels::Snapshot> weights;
};
using KeptByOwner = std::map<std::string, KeptWeights>;

/// Copies of a session's tensors at a cut. Their memory goes round: whoever lets go of one last, on any thread, gives
/// it back, which waits for nothing. The pool outlives them.
class SnapshotPool {
 public:
  std::shared_ptr<kernels::Snapshot> take(kernels::Session& session, kernels::Contents contents);

 private:
  void give_back(std::unique_ptr<kernels::Snapshot> snapshot);

  std::mutex mutex_;
  std::vector<std::unique_ptr<kernels::Snapshot>> free_;
};

/// Writes a snapshot and what is kept (tensors `kept/OWNER/NAME`) with these texts. Any thread.
void write_tensors(const std::filesystem::path& path, const kernels::Session& session,
                   const kernels::Snapshot& snapshot, const KeptByOwner& kept, const Metadata& metadata);

/// Before the names of the tensors that a callback asked to keep.
std::string kept_prefix(const std::string& owner);

/// Which of a file's tensors a session takes: its own, behind `prefix`.
struct TensorSource {
  const SafetensorsFile& file;
  std::string_view where;  ///< the file's name, for errors
  std::string_view model;  ///< what the session computes, for errors
  std::string prefix{};
};

/// The first of a file's weights that has another shape than the session's, where both are of one model: it comes of
/// images of another size. Null: none.
const kernels::TensorInfo* weight_of_another_shape(const kernels::Session& session, const SafetensorsFile& file);
/// Throws CheckpointError naming the first tensor that is missing, or of another shape or type, than the session's.
void check_tensors(const kernels::Session& session, const TensorSource& source, kernels::Contents contents);
/// Behind check_tensors().
void load_tensors(kernels::Session& session, const TensorSource& source, kernels::Contents contents);

}  // namespace sidestep
