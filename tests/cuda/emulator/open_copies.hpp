#pragma once

#include <cstddef>
#include <cstring>
#include <vector>

namespace emulator {

/// The asynchronous copies of a thread that are not done.
class open_copies {
 public:
  void begin(void* to, void const* from, unsigned bytes) {
    std::memset(to, 0xff, bytes);
    copies_.push_back({to, from, bytes});
  }
  void commit() { groups_.push_back(copies_.size()); }
  void wait(unsigned open_groups) {
    if (groups_.size() <= open_groups) return;
    auto const done = groups_.end() - open_groups;
    auto const end = *(done - 1);
    for (std::size_t i = 0; i < end; ++i) copies_[i].run();
    copies_.erase(copies_.begin(), copies_.begin() + static_cast<std::ptrdiff_t>(end));
    groups_.erase(groups_.begin(), done);
    for (auto& group : groups_) group -= end;
  }
  void clear() {
    copies_.clear();
    groups_.clear();
  }

 private:
  struct copy {
    void* to;
    void const* from;  ///< null: zeros
    unsigned bytes;
    void run() const {
      if (from)
        std::memcpy(to, from, bytes);
      else
        std::memset(to, 0, bytes);
    }
  };
  std::vector<copy> copies_{};
  std::vector<std::size_t> groups_{};  ///< where each ends in `copies_`
};

}  // namespace emulator
