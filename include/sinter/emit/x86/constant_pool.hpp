#pragma once

#include <sinter/core/error.hpp>
#include <sinter/core/hash.hpp>

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <span>
#include <unordered_map>
#include <vector>

namespace sinter::x86 {

/// Read-only words that lie in front of the code of a block; equal runs of words are kept once.
class constant_pool {
 public:
  /// Byte offset of `words` in the pool; adds them where they are new.
  std::size_t intern(std::span<std::uint32_t const> words) {
    hasher h;
    h.add(words.size());
    for (auto const w : words) h.add(w);
    auto const [first, last] = index_.equal_range(h.value());
    for (auto it = first; it != last; ++it)
      if (std::equal(words.begin(), words.end(), words_.begin() + static_cast<std::ptrdiff_t>(it->second)))
        return it->second * 4;
    while (words.size() > 1 && words_.size() % words.size() != 0) words_.push_back(0);
    auto const at = words_.size();
    words_.insert(words_.end(), words.begin(), words.end());
    index_.emplace(h.value(), at);
    return at * 4;
  }
  std::size_t intern(std::uint32_t word) { return intern({&word, 1}); }
  /// `count` times the same word.
  std::size_t splat(std::uint32_t word, std::size_t count) {
    std::uint32_t words[16];
    std::fill_n(words, count, word);
    return intern({words, count});
  }

  std::size_t bytes() const { return words_.size() * 4; }
  void write(void* to) const {
    if (!words_.empty()) std::memcpy(to, words_.data(), bytes());
  }

 private:
  std::vector<std::uint32_t> words_;
  std::unordered_multimap<std::uint64_t, std::size_t> index_;
};

}  // namespace sinter::x86
