#pragma once

#include <cstddef>
#include <sys/mman.h>

namespace sinter {

/// The size and alignment of a large page. Filling one takes one page fault, in place of 512.
inline constexpr std::size_t huge_page = std::size_t{2} << 20;

/// Asks the system for huge pages in memory that nobody has touched yet, where it has some; `start` is on a page.
inline void prefer_huge_pages(void* start, std::size_t bytes) { ::madvise(start, bytes, MADV_HUGEPAGE); }

}  // namespace sinter
