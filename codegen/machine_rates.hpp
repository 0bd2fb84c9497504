#pragma once

#include <sinter/core/tensor.hpp>
#include <sinter/core/tile.hpp>
#include <sinter/emit/x86/emit.hpp>
#include <sinter/runtime/executor.hpp>
#include <sinter/vector/builder.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

/// What this machine can do at most, measured by kernels that do nothing else. Only where `target` has machine code.
namespace codegen {

/// The shortest of several times that calls of `body` take, in seconds.
template <typename Body>
double least_seconds(int tries, Body&& body) {
  using clock = std::chrono::steady_clock;
  double best = std::numeric_limits<double>::max();
  for (int i = 0; i < tries; ++i) {
    auto const start = clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(clock::now() - start).count());
  }
  return best;
}

/// One kernel as machine code, which each worker of `pool` (may be null) runs on `bytes` bytes of its own.
class probe {
 public:
  probe(sinter::vector::program kernel, sinter::target const& machine, sinter::executor* pool, std::int64_t bytes)
      : pool_(pool), bytes_(bytes) {
    sinter::budget code("code", 1 << 20);
    code_ = sinter::emit_x86(std::vector{std::move(kernel)}, machine, code);
    memory_ = sinter::any_tensor(sinter::dtype::uint8, {bytes * workers()});
    std::memset(memory_.data(), 0, memory_.bytes());  // pages of its own
  }

  int workers() const { return pool_ ? pool_->workers() : 1; }
  /// Runs the kernel once on each worker's memory.
  void run() const {
    if (!pool_) return run_on(0);
    auto const each = [](void* self, std::int64_t begin, std::int64_t end, int) noexcept {
      for (auto i = begin; i < end; ++i) static_cast<probe const*>(self)->run_on(i);
    };
    pool_->parallel_for(workers(), each, const_cast<probe*>(this));
  }

 private:
  void run_on(std::int64_t part) const {
    std::byte* const arguments[] = {static_cast<std::byte*>(const_cast<void*>(memory_.data())) + part * bytes_};
    code_.entry(0)(arguments);
  }

  sinter::executor* pool_;
  std::int64_t bytes_;
  sinter::code_block code_;
  sinter::any_tensor memory_;
};

/// Independent sums in registers, more than the latency of an FMA hides.
inline constexpr int probe_sums = 12;

/// Calls a second and lane of `emit(builder, sum)`, one instruction each on sums in registers that are independent, of
/// all workers together.
template <typename Emit>
double instruction_rate(sinter::target const& machine, sinter::executor* pool, Emit&& emit) {
  constexpr int turns = 100'000;
  sinter::vector::builder b("instruction_rate", machine.lanes());
  auto const y = b.argument("y", sinter::vector::access::out, probe_sums * b.register_bytes());
  auto const instruction = emit(b);
  std::vector<sinter::vector::reg> sums;
  for (int i = 0; i < probe_sums; ++i) sums.push_back(b.zero());
  b.loop(turns, {}, [&] {
    for (auto const sum : sums) instruction(sum);
  });
  for (int i = 0; i < probe_sums; ++i) b.store(y.at(i * b.register_bytes()), sums[static_cast<std::size_t>(i)]);
  probe const p(std::move(b).take(), machine, pool, 4096);
  return 1.0 * probe_sums * machine.lanes() * turns * p.workers() / least_seconds(20, [&] { p.run(); });
}

/// Floating-point operations a second of independent fused multiply-adds in registers, of all workers together.
inline double fma_rate(sinter::target const& machine, sinter::executor* pool = nullptr) {
  return 2 * instruction_rate(machine, pool, [](sinter::vector::builder& b) {
           auto const one = b.constant(1), tiny = b.constant(1e-9f);
           return [&b, one, tiny](sinter::vector::reg sum) { b.fma_to(sum, one, tiny); };
         });
}

/// The same of products of two pairs of bfloat16, on machines that have them.
inline double bfloat16_rate(sinter::target const& machine, sinter::executor* pool = nullptr) {
  return 4 * instruction_rate(machine, pool, [](sinter::vector::builder& b) {
           auto const ones = b.constant_i32(0x3f803f80), tiny = b.constant_i32(0x30803080);
           return [&b, ones, tiny](sinter::vector::reg sum) { b.dot2_bf16_to(sum, ones, tiny); };
         });
}

/// The same of `product`, of tiles of bfloat16 or of bytes, on machines that have them.
inline double tile_rate(sinter::target const& machine, sinter::vector::opcode product,
                        sinter::executor* pool = nullptr) {
  constexpr int turns = 10'000, sums_of_tiles = 4, side = sinter::most_tile_rows, bytes = sinter::most_tile_bytes;
  sinter::vector::builder b("tile_rate", machine.lanes());
  auto const y = b.argument("y", sinter::vector::access::out, side * bytes, sinter::vector::element::i32);
  auto const tiny = b.constant_i32(0x30803080);
  for (int row = 0; row < side; ++row) b.store(y.at(row * bytes), tiny);
  std::vector<sinter::vector::reg> sums;
  for (int i = 0; i < sums_of_tiles; ++i) sums.push_back(b.tile_zero(side, bytes));
  auto const left = b.tile_load(y.at(0), side, bytes, bytes), right = b.tile_load(y.at(0), side, bytes, bytes);
  b.loop(turns, {}, [&] {
    for (auto const sum : sums) b.tile_dot_to(sum, product, left, right);
  });
  for (auto const sum : sums) b.tile_store(y.at(0), sum, side, bytes, bytes);
  probe const p(std::move(b).take(), machine, pool, 4096);
  auto const operations = 2.0 * side * (bytes / 4) * bytes / (product == sinter::vector::opcode::tile_dot4 ? 1 : 2);
  return sums_of_tiles * operations * turns * p.workers() / least_seconds(20, [&] { p.run(); });
}

/// Bytes a second that all workers together read, each again and again the same `bytes` bytes.
inline double read_rate(sinter::target const& machine, sinter::executor* pool, std::int64_t bytes) {
  constexpr std::int64_t least_read = 4 << 20;
  sinter::vector::builder b("read_rate", machine.lanes());
  auto const turn = probe_sums * b.register_bytes();
  auto const turns = bytes / turn, passes = sinter::ceil_div(least_read, turns * turn);
  auto const y = b.argument("y", sinter::vector::access::out, turns * turn);
  std::vector<sinter::vector::reg> sums;
  for (int i = 0; i < probe_sums; ++i) sums.push_back(b.zero());
  b.loop(passes, {}, [&] {
    b.loop(turns, {{y, turn}}, [&] {
      for (int i = 0; i < probe_sums; ++i)
        b.binary_to(sums[static_cast<std::size_t>(i)], sinter::vector::opcode::max, sums[static_cast<std::size_t>(i)],
                    y.at(i * b.register_bytes()));
    });
  });
  for (int i = 0; i < probe_sums; ++i) b.store(y.at(i * b.register_bytes()), sums[static_cast<std::size_t>(i)]);
  probe const p(std::move(b).take(), machine, pool, turns * turn);
  p.run();
  return static_cast<double>(passes * turns * turn) * p.workers() / least_seconds(8, [&] { p.run(); });
}

}  // namespace codegen
