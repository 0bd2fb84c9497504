#include "catch.hpp"
#include "convolution_text.hpp"
#include "cuda/emulator/emulator.hpp"
#include <bit>
#include <cstdint>
#include <cstdlib>
#include <random>
#include <string>
#include <vector>

namespace {

/// A mistake in the convolution.
struct mutation {
  std::string what, from, to;
};

std::vector<mutation> const mutations{
    {"none", "", ""},
    {"no barrier", "barrier();\n", "\n"},
    {"a barrier for one warp only", "barrier();\n", "if (thread() < 32) barrier();\n"},
    {"a barrier after the copies", "barrier();\n    const", "const"},
    {"waits for one group less", "wait_copies<stages - 2>", "wait_copies<stages - 1>"},
    {"groups that are not committed", "commit_copies();  //", "//"},
    {"multiplies the next stage", "from = step % stages", "from = (step + 1) % stages"},
    {"copies to the stage that is multiplied", "to = next % stages", "to = step % stages"},
    {"copies another step", "b + to * b_size, next);", "b + to * b_size, next - 1);"},
    {"starts one stage less", "step < stages - 1; ++step", "step < stages - 2; ++step"},
    {"halves of a fragment swapped", "columns[j / 2][j % 2 * 2], columns[j / 2][j % 2 * 2 + 1]",
     "columns[j / 2][j % 2 * 2 + 1], columns[j / 2][j % 2 * 2]"},
    {"matrices of b in another order", "lane % 8 + lane / 16 * 8, k * 2 + lane / 8 % 2",
     "lane % 8 + lane / 8 % 2 * 8, k * 2 + lane / 16"},
    {"rows of a twice", "lane % 16, k", "lane % 8, k"},
    {"accumulators of another row", "i % 2 * 2;", "0;"},
    {"a lane that does not multiply", "mma_f16(", "if (lane != 5) mma_f16("},
    {"a swizzle that is misaligned", "(row >> 1 & 3))) * 8", "(row >> 1 & 3))) * 8 + 4"},
    {"a swizzle that leaves the row", "(row >> 1 & 3)", "(row >> 1 & 7)"},
    {"no bound of the image's height", " && h < height", ""},
    {"no bound of the image's width", " && w < width", ""},
    {"no bound of the filters loaded", "valid = row < filters", "valid = true"},
    {"no bound of the filters stored", "if (f >= filters) continue;", ""},
    {"no bound of the pixels stored", "if (pixel >= pixels) continue;", ""},
    {"shared memory beyond its size", "b = a + stages * a_size", "b = a + (stages + 1) * a_size"},
};

std::string mutated(mutation const& m) {
  std::string text = convolution_text;
  auto const at = text.find(m.from);
  REQUIRE(at != std::string::npos);
  text.replace(at, m.from.size(), m.to);
  if (m.what == "a barrier after the copies") text.insert(text.find("multiply_tiles(sums, a"), "barrier();\n");
  return text;
}

/// A module with a kernel for each mutation.
emulator::module compile_all() {
  std::string text;
  for (std::size_t i = 0; i < mutations.size(); ++i) {
    auto const name = "mutant" + std::to_string(i);
    text += "namespace " + name + "_text {" + mutated(mutations[i]) + "}\nKERNEL(64) void " + name +
            "(const u16* x, const u16* w, const float* bias, u16* y) {" + name +
            "_text::convolution(x, w, bias, y);}\n";
  }
  return emulator::module(text);
}

constexpr int height = 9, width = 9, channels = 32, filters = 24, depth = 9 * channels;

/// Small integers: sums are exact.
struct problem {
  std::vector<int> image, weights, bias, y;

  problem()
      : image(random(height * width * channels, 5)), weights(random(filters * depth, 3)), bias(random(filters, 9)) {
    for (int h = 0; h < height; ++h)
      for (int w = 0; w < width; ++w)
        for (int f = 0; f < filters; ++f) y.push_back(result(h, w, f));
  }

 private:
  static std::vector<int> random(int count, unsigned values) {
    static std::mt19937 engine(1);
    std::vector<int> result(static_cast<std::size_t>(count));
    for (auto& v : result) v = static_cast<int>(engine() % values) - static_cast<int>(values / 2);
    return result;
  }
  int result(int h, int w, int f) const {
    auto const at = [](int index) { return static_cast<std::size_t>(index); };
    auto sum = bias[at(f)];
    for (int k = 0; k < depth; ++k) {
      auto const y_in = h - 1 + k / channels / 3, x_in = w - 1 + k / channels % 3;
      if (y_in < 0 || y_in >= height || x_in < 0 || x_in >= width) continue;
      sum += image[at((y_in * width + x_in) * channels + k % channels)] * weights[at(f * depth + k)];
    }
    return sum;
  }
};

/// Of an integer of at most 11 bits.
std::uint16_t half_of(int value) {
  if (value == 0) return 0;
  auto const magnitude = static_cast<unsigned>(std::abs(value));
  auto const exponent = static_cast<unsigned>(std::bit_width(magnitude)) - 1;
  auto const mantissa = magnitude << (10 - exponent) & 0x3ff;
  return static_cast<std::uint16_t>((value < 0 ? 0x8000u : 0u) | (exponent + 15) << 10 | mantissa);
}
std::vector<std::uint16_t> halves_of(std::vector<int> const& values) {
  std::vector<std::uint16_t> result;
  for (auto const v : values) result.push_back(half_of(v));
  return result;
}

/// Under how many options a kernel is right.
int right_runs(emulator::module const& code, std::string const& kernel) {
  static problem const p;
  static auto const expected = halves_of(p.y);
  emulator::array<std::uint16_t> const x(halves_of(p.image)), weights(halves_of(p.weights)), y(expected.size());
  emulator::array<float> const bias(std::vector<float>(p.bias.begin(), p.bias.end()));
  auto right = 0;
  for (auto const& how : emulator::every_option) {
    y.poison();
    try {
      code.launch(kernel, {{2, 1, 1}, 64, 3 * (64 + 32) * 32 * 2}, {x.data(), weights.data(), bias.data(), y.data()},
                  how);
      right += y.values() == expected;
    } catch (emulator::error const&) {
    }
  }
  return right;
}

}  // namespace

TEST_CASE("mistakes in a convolution are found") {
  auto const code = compile_all();
  constexpr auto all = static_cast<int>(emulator::every_option.size());
  CHECK(right_runs(code, "mutant0") == all);
  for (std::size_t i = 1; i < mutations.size(); ++i) {
    INFO(mutations[i].what);
    CHECK(right_runs(code, "mutant" + std::to_string(i)) < all);
  }
}
