#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include <sidestep/kernels/session.hpp>

namespace sidestep::kernels::cpu {

/// Writes one sample as a row: (x / 255 - mean) / deviation, in the order row, column, channel.
void normalise(const DatasetView& data, const Shape& shape, std::size_t sample, float* row);

/// Asks for the sample's cache lines, so that a later normalise finds them. A sample that does not exist is ignored.
void prefetch(const DatasetView& data, const Shape& shape, std::size_t sample);

/// Throws DataError if a label is not below `classes`, or the view is incomplete.
void check(const DatasetView& data, std::size_t classes);

/// Throws ShapeError for no indices, DataError for one past the end.
void check(const DatasetView& data, std::span<const std::uint32_t> indices);

}  // namespace sidestep::kernels::cpu
