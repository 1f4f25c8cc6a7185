#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

/// Statistics computed anew from the values, in four times the precision of a float: what the operators are held to.
namespace sidestep::test::exactly {

__extension__ typedef __float128 Quad;  // 113 bits

inline bool any_nan(const std::vector<double>& v) {
  return std::any_of(v.begin(), v.end(), [](double x) { return std::isnan(x); });
}
inline bool all_finite(const std::vector<double>& v) {
  return std::all_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
}

inline double sum(const std::vector<double>& v) {
  if (!all_finite(v)) {  // what plain addition says of the infinities alone
    double odd = 0;
    for (const double x : v)
      if (!std::isfinite(x)) odd += x;
    return odd;
  }
  Quad total = 0;
  for (const double x : v) total += x;
  return static_cast<double>(total);
}
inline double mean(const std::vector<double>& v) {
  if (!all_finite(v)) return sum(v);
  Quad total = 0;
  for (const double x : v) total += x;
  return static_cast<double>(total / static_cast<Quad>(v.size()));
}
inline double variance(const std::vector<double>& v) {
  if (!all_finite(v)) return std::nan("");
  Quad total = 0, squares = 0;
  for (const double x : v) total += x;
  const Quad centre = total / static_cast<Quad>(v.size());
  for (const double x : v) squares += (x - centre) * (x - centre);
  return static_cast<double>(squares / static_cast<Quad>(v.size()));
}
inline double slope(const std::vector<double>& v) {
  if (!all_finite(v) || v.size() < 2) return std::nan("");
  const Quad middle = static_cast<Quad>(v.size() - 1) / 2;
  Quad products = 0, squares = 0;
  for (std::size_t i = 0; i < v.size(); ++i) {
    const Quad at = static_cast<Quad>(i) - middle;
    products += at * v[i], squares += at * at;
  }
  return static_cast<double>(products / squares);
}
inline double least(const std::vector<double>& v) {
  return any_nan(v) ? std::nan("") : *std::min_element(v.begin(), v.end());
}
inline double greatest(const std::vector<double>& v) {
  return any_nan(v) ? std::nan("") : *std::max_element(v.begin(), v.end());
}
inline double quantile(std::vector<double> v, double q) {
  if (any_nan(v)) return std::nan("");
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1))];
}

}  // namespace sidestep::test::exactly
