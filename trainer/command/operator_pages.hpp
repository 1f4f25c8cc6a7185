#pragma once

#include <string_view>
#include <vector>

namespace sidestep::command {

/// What `sidestep operators [NAME]` prints of one header.
struct OperatorPage {
  std::string_view group, name, says, drawn, more;
};
const std::vector<OperatorPage>& operator_pages();

}  // namespace sidestep::command
