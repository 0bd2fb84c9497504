#include <sinter/core/float16.hpp>
#include <sinter/emit/cuda/emit.hpp>
#include <sinter/expr/math.hpp>
#include <sinter/runtime/cuda/device.hpp>

#include "catch.hpp"
#include "device_under_test.hpp"
#include "emulator/emulator.hpp"
#include "primitive_kernels.hpp"
#include <bit>
#include <cmath>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

/// What device text is made of, one thing at a time, on the emulator or on the device under test.
using namespace sinter;
using namespace sinter::test;

namespace {

/// Words of 32 bits: all arguments of the kernels are that.
using words = std::vector<std::uint32_t>;

struct primitive_call {
  std::string kernel{};
  std::uint32_t blocks = 1, threads = 32, shared_bytes = 0;
  std::vector<words> inputs{};
  std::size_t results = 0;
};

words run_on_emulator(primitive_call const& c, emulator::options const& how) {
  static emulator::module const code(primitives_text());
  std::vector<std::unique_ptr<emulator::array<std::uint32_t>>> arrays;
  for (auto const& in : c.inputs) arrays.push_back(std::make_unique<emulator::array<std::uint32_t>>(in));
  arrays.push_back(std::make_unique<emulator::array<std::uint32_t>>(c.results));
  std::vector<void const*> pointers;
  for (auto const& a : arrays) pointers.push_back(a->data());
  code.launch(c.kernel, {{c.blocks, 1, 1}, c.threads, c.shared_bytes}, pointers, how);
  return arrays.back()->values();
}

/// A device whose only module is the text of these kernels; null where none is under test.
cuda_device* device_of_primitives() {
  static auto const device = [] {
    auto how = options_under_test();
    if (how)
      how->emitter = {[](device_kernel const& k) { return k.form; },
                      [](std::span<device_kernel const>) { return primitives_text(); }};
    return how ? std::make_unique<cuda_device>(0, *how) : nullptr;
  }();
  return device.get();
}

words run_on_device(cuda_device& device, primitive_call const& c) {
  device_kernel const kernel{.form = c.kernel,
                             .arguments = std::vector<device_argument>(c.inputs.size() + 1),
                             .shared_bytes = static_cast<std::int32_t>(c.shared_bytes)};
  auto const code = device.load(std::span(&kernel, 1));
  auto const queue = device.make_queue();
  auto arrays = c.inputs;
  arrays.emplace_back(c.results);
  std::vector<device_memory> memories;
  std::vector<std::byte*> pointers;
  for (auto const& a : arrays) {
    memories.push_back(device.allocate(a.size() * 4));
    pointers.push_back(memories.back().get());
    queue->upload(pointers.back(), a.data(), a.size() * 4);
  }
  queue->launch({code.entries[0], {c.blocks, 1, 1}, c.threads, c.shared_bytes, pointers});
  queue->download(arrays.back().data(), pointers.back(), c.results * 4);
  queue->wait();
  return arrays.back();
}

void check(primitive_call c, words const& expected, bool floats = false) {
  c.results = expected.size();
  auto const nan = [](std::uint32_t word) { return std::isnan(std::bit_cast<float>(word)); };
  auto const compare = [&](words const& got) {
    for (std::size_t i = 0; i < expected.size(); ++i)
      if (got[i] != expected[i] && !(floats && nan(got[i]) && nan(expected[i])))
        FAIL(fmt::format("{}: word {} is {:#x}, expected {:#x}", c.kernel, i, got[i], expected[i]));
  };
  INFO(c.kernel);
  if (auto* const device = device_of_primitives()) return compare(run_on_device(*device, c));
  for (auto const& how : emulator::every_option) compare(run_on_emulator(c, how));
}

std::uint32_t bits(float value) { return std::bit_cast<std::uint32_t>(value); }
float number(std::uint32_t word) { return std::bit_cast<float>(word); }
float function(expr::value const& of_x0, float x) { return expr::evaluate(expr::expand(expr::flatten(of_x0, 1)), &x); }
std::uint32_t half(float x) { return std::isnan(x) ? 0x7fff : float_to_half(x); }
std::uint32_t bfloat16(float x) { return std::isnan(x) ? 0x7fff : float_to_bfloat16(x); }
std::uint32_t tf32(float x) { return std::isfinite(x) ? (bits(x) + 0x1000) & 0xffffe000 : bits(x); }

/// What a kernel of `word_kernels` computes of a word.
struct expectation {
  std::string kernel;
  std::uint32_t (*word)(std::uint32_t);
  bool floats = true;
};
std::vector<expectation> const expectations{
    {"from_half", [](std::uint32_t w) { return bits(half_to_float(static_cast<std::uint16_t>(w))); }},
    {"from_bfloat16", [](std::uint32_t w) { return w << 16; }},
    {"to_half", [](std::uint32_t w) { return half(number(w)); }, false},
    {"to_bfloat16", [](std::uint32_t w) { return bfloat16(number(w)); }, false},
    {"to_half2", [](std::uint32_t w) { return half(number(w)) | half(number(w * 3)) << 16; }, false},
    {"to_bfloat162", [](std::uint32_t w) { return bfloat16(number(w)) | bfloat16(number(w * 3)) << 16; }, false},
    {"round_to_tf32", [](std::uint32_t w) { return tf32(number(w)); }},
    {"to_even", [](std::uint32_t w) { return bits(std::nearbyint(number(w))); }},
    {"to_floor", [](std::uint32_t w) { return bits(std::floor(number(w))); }},
    {"root", [](std::uint32_t w) { return bits(std::sqrt(number(w))); }},
    {"quotient", [](std::uint32_t w) { return bits(number(w) / number(w * 3)); }},
    {"fused", [](std::uint32_t w) { return bits(std::fma(number(w), number(w * 3), number(w * 7))); }},
    {"exponentials", [](std::uint32_t w) { return bits(function(exp(expr::input(0)), number(w))); }},
    {"logarithms", [](std::uint32_t w) { return bits(function(log(expr::input(0)), number(w))); }},
    {"sigmoids", [](std::uint32_t w) { return bits(function(sigmoid(expr::input(0)), number(w))); }},
    {"tangents", [](std::uint32_t w) { return bits(function(tanh(expr::input(0)), number(w))); }},
};

/// Small integers in the fragments of a warp, and the product of the matrices that they are: the tables of the PTX ISA.
struct fragments {
  words a, b, c, d;
};
fragments multiply(int depth, std::uint32_t (*encode)(float)) {
  auto const value = [](int row, int column, int seed) {
    return static_cast<float>((row * 7 + column * 5 + seed) % 13 - 6);
  };
  auto const a = [&](int row, int k) { return value(row, k, 1); };
  auto const b = [&](int k, int column) { return value(k, column, 4); };
  auto const pair = [&](float low, float high) { return encode(low) | encode(high) << 16; };
  fragments f;
  for (int lane = 0; lane < 32; ++lane) {
    auto const group = lane / 4, in_group = lane % 4;
    for (int r = 0; r < 4; ++r) {
      auto const row = group + r % 2 * 8, k = depth == 16 ? in_group * 2 + r / 2 * 8 : in_group + r / 2 * 4;
      f.a.push_back(depth == 16 ? pair(a(row, k), a(row, k + 1)) : encode(a(row, k)));
    }
    for (int r = 0; r < 2; ++r) {
      auto const k = depth == 16 ? in_group * 2 + r * 8 : in_group + r * 4;
      f.b.push_back(depth == 16 ? pair(b(k, group), b(k + 1, group)) : encode(b(k, group)));
    }
    for (int i = 0; i < 4; ++i) {
      auto const row = group + i / 2 * 8, column = in_group * 2 + i % 2;
      auto sum = value(row, column, 9);
      f.c.push_back(bits(sum));
      for (int k = 0; k < depth; ++k) sum += a(row, k) * b(k, column);
      f.d.push_back(bits(sum));
    }
  }
  return f;
}

/// 0, 1, … scattered over all words.
words scattered(std::size_t count) {
  words result(count);
  for (std::size_t i = 0; i < count; ++i) result[i] = static_cast<std::uint32_t>(i) * 2654435761u;
  return result;
}

}  // namespace

TEST_CASE("arithmetic and conversions of a device are those of the CPU", "[device]") {
  auto x = scattered(1 << 14);
  for (auto const special : {0x80000000u, 0x7f800000u, 0xff800000u, 0x7fc00000u, 0x00000001u, 0x3f800000u, 0x477fefffu,
                             0x477ff000u, 0x38800000u, 0x387fffffu, 0x33000000u, 0x3f801000u, 0x3f803000u, 0x40200000u})
    x.push_back(special);
  x.resize((x.size() + 255) / 256 * 256);
  for (auto const& e : expectations) {
    words expected;
    for (auto const w : x) expected.push_back(e.word(w));
    check({.kernel = e.kernel, .blocks = static_cast<std::uint32_t>(x.size() / 256), .threads = 256, .inputs = {x}},
          expected, e.floats);
  }
}

TEST_CASE("lanes, threads and copies of a device meet as they should", "[device]") {
  auto const x = scattered(1024);
  words shuffled, reversed, copied, matrices;
  for (std::size_t t = 0; t < 64; ++t) {
    auto const lane = t % 32, warp = t - lane;
    for (auto const from : {lane ^ 5, lane ^ 16, lane + 3 < 32 ? lane + 3 : lane, t * 3 % 32})
      shuffled.push_back(x[warp + from]);
    for (std::size_t i = 0; i < 12; ++i) copied.push_back(t % 4 == i / 4 ? 0 : x[t * 12 + i]);
  }
  for (std::size_t i = 0; i < 1024; ++i) reversed.push_back(x[i / 256 * 256 + 255 - i % 256]);
  for (std::size_t lane = 0; lane < 32; ++lane)
    for (std::size_t matrix = 0; matrix < 4; ++matrix) matrices.push_back(x[matrix * 32 + lane]);
  check({.kernel = "shuffles", .threads = 64, .inputs = {x}}, shuffled);
  check({.kernel = "reversed", .threads = 256, .shared_bytes = 1024, .inputs = {x}}, reversed);
  check({.kernel = "copies", .threads = 64, .shared_bytes = 64 * 48, .inputs = {x}}, copied);
  check({.kernel = "matrices", .shared_bytes = 512, .inputs = {words(x.begin(), x.begin() + 128)}}, matrices);
}

TEST_CASE("matrix units of a device multiply matrices", "[device]") {
  if (auto const* const device = device_of_primitives(); device && !device->machine().covers("cuda:sm_80")) {
    WARN("SKIPPED: " << device->name() << " has no matrix units for these");
    return;
  }
  auto const product = [](std::string kernel, fragments const& f) {
    check({.kernel = std::move(kernel), .inputs = {f.a, f.b, f.c}}, f.d);
  };
  product("product_f16", multiply(16, half));
  product("product_bf16", multiply(16, bfloat16));
  product("product_tf32", multiply(8, bits));
}

TEST_CASE("NVRTC compiles what a device is tried with") {
  nvrtc compiler;
  try {
    compiler = load_nvrtc();
  } catch (error const& e) {
    WARN("SKIPPED: " << e.what());
    return;
  }
  auto const text = primitives_text();
  for (int const arch : {75, 80, 90})
    CHECK_NOTHROW(compile_cubin(compiler, text, cubin_options(cubin_arch(compiler, arch))));
}
