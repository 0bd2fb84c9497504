#include "progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <sys/ioctl.h>
#include <unistd.h>
#include <utility>

namespace codegen {
namespace {

constexpr std::chrono::milliseconds patience{1000}, refresh{100};

/// Writes to standard error; nobody minds if it fails.
void put(std::string_view text) {
  [[maybe_unused]] auto const written = ::write(STDERR_FILENO, text.data(), text.size());
}

/// The columns of the terminal.
std::size_t width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

progress::progress(std::string_view command) : command_(command) {
  if (::isatty(STDERR_FILENO)) writer_ = std::thread([this] { show(); });
}

void progress::erase() {
  if (!writer_.joinable()) return;
  {
    std::lock_guard const lock(mutex_);
    done_ = true;
  }
  changed_.notify_one();
  writer_.join();
}

void progress::stage(std::string text) {
  std::lock_guard const lock(mutex_);
  stage_ = std::move(text);
}

void progress::show() {
  std::unique_lock lock(mutex_);
  auto const done = [this] { return done_; };
  if (changed_.wait_for(lock, patience, done)) return;
  do {
    auto const seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
    auto line = fmt::format("sinter {}: {} ({:.1f} s)", command_, stage_, seconds);
    line.resize(std::min(line.size(), width() - 1));
    put("\r\x1b[K" + line);
  } while (!changed_.wait_for(lock, refresh, done));
  put("\r\x1b[K");
}

}  // namespace codegen
