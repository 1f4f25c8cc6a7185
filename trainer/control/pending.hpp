#pragma once

#include <sidestep/trainer/control/boundary_list.hpp>
#include <sidestep/trainer/control/control_core.hpp>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

namespace sidestep::detail {

/// A request that the trainer has taken: its alone from here on.
struct Taken {
  Decision decision;
  /// Its place in the checkpoint that it comes from, from 1; 0: of this process. Those come first.
  std::uint64_t restored = 0;
  Sequence cause = 0;
  std::uint32_t rank = 0;  ///< of its pipeline, among all that decide
  std::uint64_t count = 0;
  std::string pipeline{}, by{};
  std::optional<Step> cause_step{};
  sidestep::Segment segment = sidestep::Segment::batch;
  Sequence segment_end = 0;        ///< number of the boundary that its cause belongs to
  std::optional<Step> due_step{};  ///< of a batch's: that batch boundary; none: at the first boundary

  PendingRow row() const;
};

/// The order in which decisions are applied at one boundary.
bool applied_before(const Taken& a, const Taken& b) noexcept;

/// What was asked for and isn't in effect yet.
class Pending {
 public:
  bool empty() const noexcept { return list_.empty(); }
  void add(Taken taken) { list_.push_back(std::move(taken)); }
  void each(auto f) {
    for (Taken& one : list_) f(one);
  }
  /// Everything in order of application.
  std::vector<Taken> sorted() const;
  /// Takes out what `due` says yes to, in order of application.
  template <class Due>
  std::vector<Taken> take(Due due) {
    std::vector<Taken> out;
    std::erase_if(list_, [&](Taken& one) {
      if (!due(one)) return false;
      out.push_back(std::move(one));
      return true;
    });
    std::sort(out.begin(), out.end(), applied_before);
    return out;
  }

 private:
  std::vector<Taken> list_;
};

}  // namespace sidestep::detail
