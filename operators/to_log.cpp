#include <sidestep/operators/to_log.hpp>

#include <cerrno>
#include <limits>
#include <system_error>

namespace sidestep {
namespace detail {

LineFile::LineFile(const std::filesystem::path& path) : path_(path) {
  errno = 0;
  file_.open(path);
  if (!file_) fail("it can't be opened for writing");
  file_ << std::setprecision(std::numeric_limits<double>::max_digits10) << "stamp,number,value\n";
}

void LineFile::line(Nanoseconds stamp, Sequence number, double value) {
  errno = 0;
  file_ << stamp << ',' << number << ',' << value << '\n';
  if (!file_) fail("it can't be written");
}

void LineFile::close() {
  errno = 0;
  file_.flush();
  if (!file_) fail("it can't be written");
}

void LineFile::fail(std::string_view what) const {
  // what the system said, if it did: a stream says only that something went wrong
  const std::string why = errno != 0 ? " (" + std::generic_category().message(errno) + ")" : "";
  throw OperatorError("to_log: " + path_.string() + ": " + std::string(what) + why + ".");
}

}  // namespace detail

detail::ToLog to_log(const std::filesystem::path& path) { return {std::make_shared<detail::LineFile>(path)}; }

}  // namespace sidestep
