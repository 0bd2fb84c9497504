#pragma once

#include <sinter/program/device_forms.hpp>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace sinter {

/// Coordinates of which the first `kept` say which row, the others run through it, and where x has its elements. The
/// arguments of epilogues have strides for all of them.
struct device_rows {
  device_sizes sizes{};
  std::int64_t kept = 0;
  device_sizes from{};
  dtype element = dtype::float32;
};

enum class device_reduction : std::int8_t { sum, maximum, minimum, product, sum_of_squares, sum_of_magnitudes };

/// How the threads of a block share rows.
struct row_team {
  std::int64_t lanes = 1, threads = 256;
  bool across = false;
};

/// The same rows with fewer coordinates.
inline void merge_rows(device_rows& r, device_epilogue& epilogue) {
  std::vector<device_sizes*> strides{&r.from};
  for (auto& a : epilogue.arguments) strides.push_back(&a.strides);
  device_sizes sizes;
  std::vector<device_sizes> merged(strides.size());
  auto const merge_part = [&](std::int64_t first, std::int64_t last) {
    device_sizes part(r.sizes.begin() + first, r.sizes.begin() + last);
    std::vector<device_sizes> of_part;
    of_part.reserve(strides.size());
    for (auto const* s : strides) of_part.emplace_back(s->begin() + first, s->begin() + last);
    std::vector<device_sizes*> pointers;
    pointers.reserve(of_part.size());
    for (auto& s : of_part) pointers.push_back(&s);
    merge_axes(part, pointers);
    sizes.insert(sizes.end(), part.begin(), part.end());
    for (std::size_t t = 0; t < strides.size(); ++t)
      merged[t].insert(merged[t].end(), of_part[t].begin(), of_part[t].end());
    return std::ssize(part);
  };
  auto const rank = std::ssize(r.sizes), kept = r.kept;
  r.kept = merge_part(0, kept);
  merge_part(kept, rank);
  r.sizes = sizes;
  for (std::size_t t = 0; t < strides.size(); ++t) *strides[t] = merged[t];
}

/// Neighbouring threads read neighbouring elements: within a row, or of neighbouring rows.
inline row_team choose_team(device_rows const& r) {
  auto const length = product_of(std::span(r.sizes).subspan(static_cast<std::size_t>(r.kept)));
  auto const lanes_for = [&](std::int64_t each, std::int64_t most) {
    auto const wanted = static_cast<std::uint64_t>(std::clamp<std::int64_t>(length / each, 1, most));
    return static_cast<std::int64_t>(std::bit_ceil(wanted));
  };
  auto const last_kept = static_cast<std::size_t>(r.kept - 1);
  if (r.from[last_kept] == 1 && r.from.back() != 1 && r.sizes[last_kept] >= 8)
    return length >= 512 ? row_team{32, 1024, true} : row_team{lanes_for(8, 8), 256, true};
  return length >= 16384 ? row_team{1024, 1024, false} : row_team{lanes_for(4, 256), 256, false};
}

inline device_call rows_call(std::string form, device_rows r, device_epilogue epilogue,
                             std::vector<device_constant> constants) {
  auto const x = dense_argument(extent_of(r.sizes, r.from), false, r.element);
  merge_rows(r, epilogue);
  auto const team = choose_team(r);
  constants.insert(constants.end(), {{"kept", r.kept}, {"lanes", team.lanes}, {"across", team.across}});
  for (std::size_t axis = 0; axis < r.from.size(); ++axis)
    constants.push_back({"from" + std::to_string(axis), r.from[axis]});
  auto call = coordinate_call(std::move(form), r.sizes, 1, std::move(constants));
  auto& k = call.kernel;
  k.threads = static_cast<std::int32_t>(team.threads);
  k.shared_bytes = static_cast<std::int32_t>(team.threads / (team.across ? 1 : 32) * std::int64_t(sizeof(float)));
  k.arguments = {x};
  add_epilogue(k, std::move(epilogue), r.sizes);
  auto const rows = product_of(std::span(r.sizes).first(static_cast<std::size_t>(r.kept)));
  call.blocks[0] = long_block_count(divide_up(rows, team.threads / team.lanes));
  return call;
}

/// The epilogue's strides are 0 for what is reduced.
inline device_call reduce_call(device_rows rows, device_reduction kind, device_epilogue epilogue) {
  return rows_call("reduce", std::move(rows), std::move(epilogue), {{"kind", static_cast<std::int64_t>(kind)}});
}

inline device_call softmax_call(device_rows rows, bool logarithm, device_epilogue epilogue) {
  return rows_call("softmax", std::move(rows), std::move(epilogue), {{"log", logarithm}});
}

/// Which element of each row is the greatest or least, of equal ones the first or last: int64, in the order of rows.
inline device_call arg_reduce_call(device_rows rows, bool greatest, bool last) {
  auto const count = product_of(std::span(rows.sizes).first(static_cast<std::size_t>(rows.kept)));
  auto call = rows_call("arg_reduce", std::move(rows), {}, {{"greatest", greatest}, {"last", last}});
  call.kernel.arguments.push_back(dense_argument(count, true, dtype::int64));
  return call;
}

/// Running sums or products of a dense tensor [outer][length][inner], along its second axis.
struct device_accumulation {
  std::int64_t outer = 1, length = 1, inner = 1;
  bool product = false;
  bool exclusive = false;  ///< without an element's own value
  bool reverse = false;    ///< from the end on
  dtype element = dtype::float32;
};

inline device_call accumulate_call(device_accumulation const& a) {
  auto call = coordinate_call("accumulate", {a.outer, a.inner}, 1,
                              {{"length", a.length},
                               {"outer", a.length * a.inner},
                               {"step", a.inner},
                               {"product", a.product},
                               {"exclusive", a.exclusive},
                               {"reverse", a.reverse}});
  auto const elements = a.outer * a.length * a.inner;
  call.kernel.arguments = {dense_argument(elements, false, a.element), dense_argument(elements, true, a.element)};
  return call;
}

/// Not centred, rows are divided by the root of their mean square.
inline device_call normalize_call(device_rows rows, float epsilon, bool centred, device_epilogue epilogue) {
  return rows_call("normalize", std::move(rows), std::move(epilogue),
                   {{"centred", centred}, {"epsilon", std::bit_cast<std::uint32_t>(epsilon)}});
}

}  // namespace sinter
