#pragma once

#include <stdexcept>

namespace sidestep::kernels {

/// What a backend refuses: one sentence that says what, where, and the mend.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A network, a batch or a tensor has sizes that do not fit together.
class ShapeError : public Error {
 public:
  using Error::Error;
};

/// A data set holds what the network cannot take: a label out of range, an index past its end.
class DataError : public Error {
 public:
  using Error::Error;
};

/// The machine cannot do what was asked of it: an instruction set that this CPU lacks.
class UnsupportedError : public Error {
 public:
  using Error::Error;
};

}  // namespace sidestep::kernels
