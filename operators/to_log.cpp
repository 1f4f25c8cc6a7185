#include <sidestep/operators/to_log.hpp>

#include <limits>

namespace sidestep {
namespace detail {

LineFile::LineFile(const std::filesystem::path& path) : path_(path), file_(path) {
  if (!file_) fail("it can't be opened for writing");
  file_ << std::setprecision(std::numeric_limits<double>::max_digits10) << "stamp,number,value\n";
}

void LineFile::line(Nanoseconds stamp, Sequence number, double value) {
  file_ << stamp << ',' << number << ',' << value << '\n';
  if (!file_) fail("it can't be written");
}

void LineFile::close() {
  file_.flush();
  if (!file_) fail("it can't be written");
}

void LineFile::fail(std::string_view what) const {
  throw OperatorError("to_log: " + path_.string() + ": " + std::string(what) + ".");
}

}  // namespace detail

detail::ToLog to_log(const std::filesystem::path& path) { return {std::make_shared<detail::LineFile>(path)}; }

}  // namespace sidestep
