#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

namespace codegen {

/// A line on the terminal that says what a command is doing. It appears when the command has taken a second and is
/// erased when the command prints its
/// results, or with the object. Where standard error is no terminal there is none.
class progress {
 public:
  explicit progress(std::string_view command);
  progress(progress const&) = delete;
  ~progress() { erase(); }

  /// What follows, for example `packing weights`.
  void stage(std::string text);
  /// Ends the line: the command prints its results.
  void erase();

 private:
  void show();

  std::string command_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  std::mutex mutex_{};
  std::condition_variable changed_{};
  std::string stage_{};
  bool done_ = false;
  std::thread writer_{};  // empty: there is no terminal
};

}  // namespace codegen
