#pragma once

#include <string_view>
#include <vector>

namespace sidestep::command {

/// What `sidestep operators [NAME]` prints of one header.
struct OperatorPage {
  std::string_view group, name;  ///< the header's
  std::string_view title;        ///< as one writes it
  std::string_view also;         ///< whatever else one may write whose page this is, with spaces between
  std::string_view says, drawn, more;
};
const std::vector<OperatorPage>& operator_pages();

}  // namespace sidestep::command
