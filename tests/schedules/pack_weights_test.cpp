#include <sinter/schedules/pack_weights.hpp>

#include "catch.hpp"
#include "temporary_folder.hpp"
#include <vector>

using namespace sinter;

namespace {

/// The numbers 1, 2, 3, … in memory.
any_tensor counting(shape const& extents) {
  any_tensor t(dtype::float32, extents);
  auto* const to = static_cast<float*>(t.data());
  for (std::size_t i = 0; i < t.elements(); ++i) to[i] = static_cast<float>(i + 1);
  return t;
}

/// A copy in a file, at an odd place.
any_tensor in_file(any_tensor const& t, temporary_folder const& folder) {
  std::string const text = "odd" + std::string(static_cast<char const*>(t.data()), t.bytes());
  auto const file = input_file::open(folder.write("weights", text), text.size());
  return {t.type(), t.shape(), std::make_shared<located_bytes const>(file, 3, t.bytes())};
}

std::vector<float> packed_floats(weight_source source, std::int64_t interleave) {
  auto const p = packed("key", std::move(source), interleave);
  std::vector<float> to(static_cast<std::size_t>(p.bytes) / 4, -1);
  p.fill(reinterpret_cast<std::byte*>(to.data()));
  return to;
}

/// The definition: element by element.
std::vector<float> expected_floats(weight_source const& w, std::int64_t interleave) {
  std::vector<float> to;
  auto const width = interleave * channel_block;
  auto const from = w.tensor.as<float>();
  for (std::int64_t first = 0; first < w.outputs; first += width)
    for (auto const& chunk : w.chunks)
      for (std::int64_t tap = 0; tap < chunk.taps; ++tap)
        for (std::int64_t c = 0; c < chunk.channels; ++c)
          for (std::int64_t o = first; o < first + width; ++o) {
            auto const at = o * w.output_step + (chunk.first + c * chunk.taps + tap) * w.step;
            to.push_back(o < w.outputs ? from[static_cast<std::size_t>(at)] : 0);
          }
  return to;
}

void check_packing(weight_source w, std::int64_t interleave) {
  temporary_folder const folder;
  auto const expected = expected_floats(w, interleave);
  CHECK(packed_floats(w, interleave) == expected);
  w.tensor = in_file(w.tensor, folder);
  CHECK(packed_floats(w, interleave) == expected);
  CHECK(w.tensor.resident() == nullptr);
}

/// Weights [outputs, channels, taps] in chunks of `chunk` channels.
weight_source rows(std::int64_t outputs, std::int64_t channels, std::int64_t taps, std::int64_t chunk) {
  weight_source w{.tensor = counting({outputs, channels, taps}), .outputs = outputs, .output_step = channels * taps};
  for (std::int64_t c = 0; c < channels; c += chunk)
    w.chunks.push_back({.first = c * taps, .channels = std::min(chunk, channels - c), .taps = taps});
  return w;
}

weight_source columns(std::int64_t depth, std::int64_t outputs) {
  return {.tensor = counting({depth, outputs}),
          .outputs = outputs,
          .output_step = 1,
          .step = outputs,
          .chunks = {{.channels = depth}}};
}

}  // namespace

TEST_CASE("packed weights have the reduction outside, output channels inside, zeros behind the last", "[schedules]") {
  auto const to = packed_floats({.tensor = counting({3, 2}), .outputs = 3, .output_step = 2, .chunks = {{0, 2, 1}}}, 1);
  REQUIRE(to.size() == 32);
  for (std::size_t lane = 0; lane < 16; ++lane) {
    CHECK(to[lane] == (lane < 3 ? static_cast<float>(2 * lane + 1) : 0));
    CHECK(to[16 + lane] == (lane < 3 ? static_cast<float>(2 * lane + 2) : 0));
  }
}

TEST_CASE("the weights of a half tail are there twice", "[schedules]") {
  weight_source w{.tensor = counting({18, 2}), .outputs = 18, .output_step = 2, .chunks = {{0, 2, 1}}};
  auto const whole = packed_floats(w, 2);
  w.half_tail = true;
  auto const to = packed_floats(w, 2);
  REQUIRE(to.size() == 64);
  for (std::size_t at = 0; at < 64; ++at) CHECK(to[at] == whole[at % 32 < 24 ? at : at - 8]);
  CHECK(std::vector(to.begin() + 56, to.begin() + 59) == std::vector<float>{34, 36, 0});
}

TEST_CASE("weights of any shape are packed from memory and from a file", "[schedules]") {
  check_packing(rows(19, 130, 3, 16), 1);
  check_packing(rows(40, 300, 1, 300), 2);
  check_packing(rows(7, 1, 25, 1), 1);
  check_packing(rows(96, 3, 49, 3), 3);
  check_packing(rows(70, 90, 1, 90), 8);  // channels lack in the middle of a group, and whole blocks behind it
  check_packing(columns(300, 40), 2);
  check_packing(columns(5, 1000), 4);
}

TEST_CASE("weights that are not read at once are packed from a file", "[schedules]") {
  check_packing(rows(100, 600, 1, 600), 3);       // groups of whole rows
  check_packing(rows(200, 600, 1, 600), 8);       // a group of more rows than are packed together
  check_packing(rows(50, 1040, 9, 16), 2);        // rows in parts of several chunks
  check_packing(rows(20, 70'000, 1, 70'000), 1);  // rows in pieces of a chunk
  check_packing(rows(17, 8000, 9, 8000), 1);      // a chunk that is more than is read at once otherwise
  check_packing(columns(700, 1000), 4);
  check_packing(columns(3, 140'000), 4);  // a row that is more than is read at once otherwise
}

TEST_CASE("a part of the positions and gaps between them are packed", "[schedules]") {
  for (std::int64_t const channels : {64, 640}) {  // read at once, in parts
    auto w = rows(33, channels, 9, 16);
    w.chunks = {w.chunks[3], w.chunks[1]};
    check_packing(w, 1);
  }
  auto gaps = columns(40, 100);
  gaps.outputs = 70;
  gaps.chunks = {{.first = 30, .channels = 10}, {.first = 2, .channels = 5}};
  check_packing(gaps, 2);
}
