#pragma once

#include <sinter/core/hash.hpp>
#include <sinter/vector/opcodes.hpp>

#include <algorithm>
#include <cstdint>

/// Equality of programs but for their names, as deduplication wants it: equal programs have equal code.
namespace sinter::vector {

constexpr std::uint64_t both(std::int32_t high, std::int32_t low) {
  return std::uint64_t(static_cast<std::uint32_t>(high)) << 32 | static_cast<std::uint32_t>(low);
}

inline bool same_header(program const& p, program const& q) {
  auto const same_argument = [](argument const& a, argument const& b) {
    return a.type == b.type && a.mode == b.mode && a.bytes == b.bytes && a.alignment == b.alignment;
  };
  auto const same_stream = [](stream const& a, stream const& b) {
    return a.argument == b.argument && a.offset == b.offset;
  };
  return p.lanes == q.lanes && p.code.size() == q.code.size() &&
         std::ranges::equal(p.arguments, q.arguments, same_argument) &&
         std::ranges::equal(p.streams, q.streams, same_stream);
}

/// Of everything but names; equal for equal programs.
inline std::uint64_t hash(program const& p) {
  hasher h;
  h.add(both(p.lanes, static_cast<std::int32_t>(p.code.size())));
  for (auto const& a : p.arguments)
    h.add(both(static_cast<int>(a.type), static_cast<int>(a.mode))).add(a.bytes).add(a.alignment);
  for (auto const& s : p.streams) h.add(s.argument).add(s.offset);
  for (auto const& i : p.code) {
    auto const kind = static_cast<int>(i.op) << 16 | static_cast<int>(i.cc) << 8 |
                      static_cast<int>(i.m.broadcast) << 1 |
                      static_cast<int>(i.d && type_of(p, i.d) == register_type::i32);
    // Products that do not wait for one another.
    h.add(both(kind, i.count) * 0x9e3779b97f4a7c15 ^ both(i.d.id, i.a.id) * 0xc2b2ae3d27d4eb4f ^
          both(i.b.id, i.c.id) * 0x165667b19e3779f9 ^ both(i.e.id, i.imm) * 0x27d4eb2f165667c5 ^
          both(i.m.stream, i.m.offset) * 0x9fb21c651e98df25);
    if (i.extra < 0) continue;
    if (i.op == opcode::loop)
      for (auto const& s : p.steps[static_cast<std::size_t>(i.extra)]) h.add(s.stream).add(s.bytes);
    else
      for (auto const entry : p.tables[static_cast<std::size_t>(i.extra)]) h.add(entry);
  }
  return h.value();
}

/// True where both programs do the same, instruction by instruction, whatever they are called.
inline bool equal(program const& p, program const& q) {
  if (!same_header(p, q)) return false;
  for (std::size_t k = 0; k < p.code.size(); ++k) {
    auto i = p.code[k];
    auto const& j = q.code[k];
    if ((i.extra < 0) != (j.extra < 0)) return false;
    auto const e = static_cast<std::size_t>(i.extra), f = static_cast<std::size_t>(j.extra);
    if (i.extra >= 0 && (i.op == opcode::loop ? p.steps[e] != q.steps[f] : p.tables[e] != q.tables[f])) return false;
    i.extra = j.extra;
    if (i != j || (i.d && type_of(p, i.d) != type_of(q, j.d))) return false;
  }
  return true;
}

}  // namespace sinter::vector
