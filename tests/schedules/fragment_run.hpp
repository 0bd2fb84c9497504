#pragma once

#include <sinter/core/target.hpp>
#include <sinter/emit/x86/emit.hpp>
#include <sinter/schedules/schedule.hpp>
#include <sinter/vector/interpret.hpp>
#include <sinter/vector/tiles.hpp>

#include "catch.hpp"
#include "emit/tile_emulator.hpp"
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

/// Runs fragments of programs by plain loops, every access inside bounds.
namespace sinter::test {

/// A way to run kernels: makes one callable.
using kernel_call = std::function<void(std::byte* const*)>;
using kernel_runner = std::function<kernel_call(vector::program const&)>;

inline kernel_call interpreted(vector::program const& p) {
  return [&p](std::byte* const* arguments) { vector::interpret(p, arguments); };
}

/// Machine code with all that this CPU has, where it can run the kernel; else the interpreter. Tiles, where it has
/// none, are emulated.
inline kernel_call emitted(vector::program const& p) {
  target const needed = p.lanes == 16 ? "avx512" : "avx2", here = native_target();
  if (!here.covers(needed)) return interpreted(p);
  bool const emulates = vector::has_tiles(p) && !here.has(feature::amx);
  budget code("a kernel", limits{}.code_bytes);
  target const machine(here.device(), here.features() | (emulates ? bit(feature::amx) : 0), here.facts());
  auto block = std::make_shared<code_block>(emit_x86({&p, 1}, machine, code));
  if (!emulates) return [block](std::byte* const* arguments) { block->entry(0)(arguments); };
  return [block](std::byte* const* arguments) {
    tile_emulator const tiles;
    block->entry(0)(arguments);
    CHECK(tiles.fault() == "");
    CHECK_FALSE(tiles.is_configured());
  };
}

/// Memory of one operand in its layout; bytes that no element owns are NaN (blocked lanes past the last channel: 1.5).
class test_buffer {
 public:
  test_buffer() = default;
  test_buffer(operand_info const& o) : info_(o), bytes_(static_cast<std::size_t>(extent(o)), std::byte{0xff}) {}
  explicit test_buffer(std::int64_t bytes) : bytes_(static_cast<std::size_t>(bytes), std::byte{0xff}) {}

  std::byte* data() { return bytes_.data(); }
  std::int64_t size() const { return static_cast<std::int64_t>(bytes_.size()); }

  void write(any_tensor const& t) {
    if (blocked())
      for_each_lane([&](std::int64_t at, std::int64_t from) {
        float const filler = 1.5f;
        auto const* const elements = static_cast<std::byte const*>(t.data());
        std::memcpy(bytes_.data() + at, from < 0 ? static_cast<void const*>(&filler) : elements + from * element(),
                    static_cast<std::size_t>(element()));
      });
    else
      std::memcpy(bytes_.data(), t.data(), t.bytes());
  }
  /// The elements; fails if a lane past the last channel is not finite.
  any_tensor read() const {
    if (!info_.present()) return {};
    any_tensor t(info_.type.element, info_.shape());
    bool finite = true;
    if (blocked())
      for_each_lane([&](std::int64_t at, std::int64_t to) {
        float v = 0;
        if (element() == 4) std::memcpy(&v, bytes_.data() + at, 4);
        if (to < 0) finite = finite && std::isfinite(v);
        auto* const elements = static_cast<std::byte*>(t.data());
        if (to >= 0) std::memcpy(elements + to * element(), bytes_.data() + at, static_cast<std::size_t>(element()));
      });
    else
      std::memcpy(t.data(), bytes_.data(), t.bytes());
    CHECK(finite);
    return t;
  }

 private:
  static std::int64_t extent(operand_info const& o) {
    if (!o.present()) return 0;
    auto const dense = item_bytes(o.shape(), o.type.element, o.how);
    auto const items = o.shape().empty() ? 1 : o.shape()[0];
    return items == 0 ? 0 : (items - 1) * (o.how == layout::blocked ? o.item_stride : dense) + dense;
  }
  std::int64_t element() const { return static_cast<std::int64_t>(size_of(info_.type.element)); }
  bool blocked() const { return info_.how == layout::blocked && info_.shape().rank() >= 2; }

  /// visit(byte of the lane, row-major index of its element or -1)
  template <typename Visit>
  void for_each_lane(Visit&& visit) const {
    auto const& s = info_.shape();
    auto const pixels = static_cast<std::int64_t>(s.elements(2, s.rank())), blocks = ceil_div(s[1], 16);
    for (std::int64_t n = 0; n < s[0]; ++n)
      for (std::int64_t c = 0; c < blocks * 16; ++c)
        for (std::int64_t p = 0; p < pixels; ++p)
          visit(n * info_.item_stride + ((c / 16 * pixels + p) * 16 + c % 16) * element(),
                c < s[1] ? (n * s[1] + c) * pixels + p : -1);
  }

  operand_info info_{};
  std::vector<std::byte> bytes_;
};

/// Buffers that code works on.
struct test_memory {
  std::vector<test_buffer> inputs{}, outputs{}, weights{}, temporaries{};
  test_buffer scratch{};

  test_buffer& of(address const& a) {
    switch (a.in) {
      case space::input: return inputs.at(a.index);
      case space::output: return outputs.at(a.index);
      case space::weight: return weights.at(a.index);
      case space::arena: return temporaries.at(a.index);
      case space::scratch:
      case space::host:
      case space::given:
      case space::check:
      case space::state: break;
    }
    return scratch;
  }
};

/// Runs a fragment, task by task; an argument that reaches outside of its buffer fails the test.
class fragment_run {
 public:
  fragment_run(fragment const& code, test_memory& memory, kernel_runner const& run) : code_(code), memory_(memory) {
    for (auto const& w : code.weights) {
      memory.weights.emplace_back(w.bytes);
      w.fill(memory.weights.back().data());
    }
    for (auto const& t : code.temporaries) memory.temporaries.emplace_back(t.bytes);
    memory.scratch = test_buffer(code.scratch_bytes);
    for (auto const& k : code.kernels) kernels_.push_back(k.make());
    for (auto const& k : kernels_) calls_.push_back(run(k));
  }

  void run() {
    for (auto const& region : code_.regions)
      for (auto const& grid : region.grids) axis(grid, 0);
  }

 private:
  void axis(grid const& g, std::size_t number) {
    if (number == grid_rank) return body(g.body, 0, grid_rank);
    for (index_[number] = 0; index_[number] < g.extents[number].turns(); ++index_[number]) axis(g, number + 1);
    index_[number] = 0;
  }

  /// Runs lines from `at` on; those of a loop of depth `depth` until its end.
  void body(std::vector<statement> const& lines, std::size_t at, std::size_t depth) {
    for (; at < lines.size() && lines[at].what != statement::kind::end; ++at) {
      if (lines[at].what == statement::kind::call) {
        call(lines[at]);
        continue;
      }
      for (index_.at(depth) = 0; index_[depth] < lines[at].turns.turns(); ++index_[depth])
        body(lines, at + 1, depth + 1);
      index_[depth] = 0;
      for (int open = 1; open > 0;) {
        ++at;
        open += lines[at].what == statement::kind::loop;
        open -= lines[at].what == statement::kind::end;
      }
    }
  }

  void call(statement const& s) {
    auto const& kernel = kernels_.at(s.kernel.index);
    REQUIRE(s.arguments.size() == kernel.arguments.size());
    std::vector<std::byte*> pointers;
    for (std::size_t a = 0; a < s.arguments.size(); ++a) {
      auto at = s.arguments[a].offset;
      for (std::size_t i = 0; i < index_rank; ++i) at += index_[i] * s.arguments[a].stride[i];
      auto& buffer = memory_.of(s.arguments[a]);
      INFO("argument " << kernel.arguments[a].name << " of " << kernel.name << ": " << at << " + "
                       << kernel.arguments[a].bytes << " of " << buffer.size());
      if (at < 0 || at + kernel.arguments[a].bytes > buffer.size()) FAIL("out of bounds");
      pointers.push_back(buffer.data() + at);
    }
    calls_[s.kernel.index](pointers.data());
  }

  fragment const& code_;
  test_memory& memory_;
  std::vector<vector::program> kernels_{};
  std::vector<kernel_call> calls_{};
  std::array<std::int64_t, index_rank> index_{};
};

}  // namespace sinter::test
