#include <sinter/schedules/pack_weights.hpp>

#include "catch.hpp"
#include <cstring>
#include <vector>

using namespace sinter;

namespace {

/// A tensor of 0, 1, 2, … whose elements lie `shift` bytes past a multiple of their alignment.
any_tensor counting(shape const& extents, std::size_t shift) {
  auto const count = extents.elements();
  auto const memory = std::make_shared<std::vector<std::byte>>(count * 4 + 16);
  for (std::size_t i = 0; i < count; ++i) {
    auto const value = static_cast<float>(i);
    std::memcpy(memory->data() + shift + i * 4, &value, 4);
  }
  return any_tensor(
      dtype::float32, extents,
      std::make_shared<located_bytes const>(memory, std::span(*memory).subspan(shift, count * 4), alignof(float)));
}

std::vector<float> packed_floats(weight_source source, std::int64_t interleave) {
  auto const p = packed("key", std::move(source), interleave);
  std::vector<float> to(static_cast<std::size_t>(p.bytes) / 4, -1);
  p.fill(reinterpret_cast<std::byte*>(to.data()));
  return to;
}

}  // namespace

TEST_CASE("packed weights have the reduction outside, output channels inside, zeros behind the last", "[schedules]") {
  std::int64_t const outputs = 19, channels = 130, taps = 3;
  auto const to = packed_floats({.tensor = counting({outputs, channels, taps}, 0),
                                 .outputs = outputs,
                                 .output_step = channels * taps,
                                 .chunks = {{0, 16, taps}, {16 * taps, channels - 16, taps}}},
                                1);
  auto const at = [&](std::int64_t block, std::int64_t position, std::int64_t lane) {
    return to[static_cast<std::size_t>((block * channels * taps + position) * 16 + lane)];
  };
  auto const weight = [&](std::int64_t o, std::int64_t c, std::int64_t tap) {
    return static_cast<float>((o * channels + c) * taps + tap);
  };
  for (std::int64_t lane = 0; lane < 16; ++lane) {
    CHECK(at(0, 0, lane) == weight(lane, 0, 0));
    CHECK(at(0, 17, lane) == weight(lane, 1, 1));             // chunk 0: 16 channels of tap 0, then of tap 1
    CHECK(at(0, 48 + 114 + 5, lane) == weight(lane, 21, 1));  // chunk 1: 114 channels of tap 0
    CHECK(at(1, 17, lane) == (lane < 3 ? weight(16 + lane, 1, 1) : 0));
  }
}

TEST_CASE("weights are packed from any address", "[schedules]") {
  auto const rows = [](std::size_t shift) {
    return weight_source{
        .tensor = counting({40, 300}, shift), .outputs = 40, .output_step = 300, .chunks = {{.channels = 300}}};
  };
  auto const columns = [](std::size_t shift) {
    return weight_source{.tensor = counting({300, 40}, shift),
                         .outputs = 40,
                         .output_step = 1,
                         .step = 40,
                         .chunks = {{.channels = 300}}};
  };
  for (std::size_t const shift : {1u, 2u, 3u}) {
    CHECK(packed_floats(rows(shift), 2) == packed_floats(rows(0), 2));
    CHECK(packed_floats(columns(shift), 2) == packed_floats(columns(0), 2));
    CHECK_FALSE(rows(shift).tensor.view().data == rows(shift).tensor.unaligned());
  }
}
