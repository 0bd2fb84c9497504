#pragma once

#include "backends.hpp"
#include "compare.hpp"
#include "test_data.hpp"
#include <chrono>
#include <csignal>
#include <poll.h>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace conformance {

enum class outcome : char { passed = 'p', failed = 'f', skipped = 's' };

struct result {
  outcome what = outcome::failed;
  std::string message{};
  double milliseconds = 0;
};

/// Runs all data sets of a case in this process.
inline result check(test_case const& c, backend const& b) {
  auto const declared = read_declaration(c.model);
  for (auto const& set : c.data) {
    named_tensors inputs;
    for (std::size_t i = 0; i < set.inputs.size() && i < declared.inputs.size(); ++i)
      inputs[declared.inputs[i].name] = read_value(set.inputs[i], declared.inputs[i].type);
    if (c.light) inputs[declared.inputs.at(0).name] = light_input();
    auto const outputs = b.run(c.model, inputs);
    if (outputs.size() != set.outputs.size())
      return {outcome::failed, fmt::format("{} outputs, expected {}", outputs.size(), set.outputs.size())};
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      auto const wrong =
          difference(outputs[i], read_value(set.outputs[i], declared.outputs.at(i).type), c.rtol, c.atol);
      if (!wrong.empty()) return {outcome::failed, fmt::format("output {}: {}", i, wrong)};
    }
  }
  return {outcome::passed, {}};
}

/// As `check`; an error is a failure, an unsupported operator or feature a skip.
inline result check_caught(test_case const& c, backend const& b) {
  try {
    return check(c, b);
  } catch (sinter::error const& e) {
    bool const unsupported =
        e.code() == sinter::error_code::unsupported_operator || e.code() == sinter::error_code::unsupported_feature;
    return {unsupported ? outcome::skipped : outcome::failed, e.what()};
  } catch (std::exception const& e) {
    return {outcome::failed, e.what()};
  }
}

namespace detail {

/// Everything that a child writes until it closes the pipe; nothing if that takes longer than `seconds`, if given.
inline std::optional<std::string> read_until_closed(int fd, std::optional<double> seconds) {
  using clock = std::chrono::steady_clock;
  auto const start = clock::now();
  std::string text;
  char buffer[4096];
  for (;;) {
    if (seconds) {
      auto const left = *seconds - std::chrono::duration<double>(clock::now() - start).count();
      pollfd waiting{fd, POLLIN, 0};
      if (left <= 0 || poll(&waiting, 1, static_cast<int>(1000 * left)) == 0) return std::nullopt;
    }
    auto const n = read(fd, buffer, sizeof buffer);
    if (n <= 0) return text;
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

inline void write_all(int fd, std::string const& text) {
  for (std::size_t done = 0; done < text.size();) {
    auto const n = write(fd, text.data() + done, text.size() - done);
    if (n <= 0) return;
    done += static_cast<std::size_t>(n);
  }
}

}  // namespace detail

/// Runs a case in a child process, so that a crash is this case's failure only; and, with `seconds`, an endless loop.
inline result run_isolated(test_case const& c, backend const& b, std::optional<double> seconds) {
  auto const start = std::chrono::steady_clock::now();
  int ends[2];
  if (pipe(ends) != 0) throw std::runtime_error("no pipe");
  auto const child = fork();
  if (child < 0) throw std::runtime_error("no process");
  if (child == 0) {
    close(ends[0]);
    auto const r = check_caught(c, b);
    detail::write_all(ends[1], static_cast<char>(r.what) + r.message);
    _exit(0);
  }
  close(ends[1]);
  auto const answer = detail::read_until_closed(ends[0], seconds);
  if (!answer) kill(child, SIGKILL);
  close(ends[0]);
  int status = 0;
  waitpid(child, &status, 0);
  result r;
  if (!answer)
    r = {outcome::failed, fmt::format("not finished after {} s", *seconds)};
  else if (WIFSIGNALED(status))
    r = {outcome::failed, fmt::format("killed by signal {} ({})", WTERMSIG(status), strsignal(WTERMSIG(status)))};
  else if (answer->empty())
    r = {outcome::failed, fmt::format("exited with {} and no answer", WEXITSTATUS(status))};
  else
    r = {static_cast<outcome>(answer->front()), answer->substr(1)};
  r.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
  return r;
}

}  // namespace conformance
