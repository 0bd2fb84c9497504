#pragma once

#include "run_case.hpp"
#include <regex>
#include <sstream>

namespace conformance {

/// What is known in advance about cases, read from files. Each line is `fail` or `must-pass`, a backend or `*`, and a
/// regular expression that matches the whole name of a case; `#` starts a comment.
class expectations {
 public:
  expectations(std::vector<fs::path> const& files, std::string_view backend) {
    for (auto const& file : files) read(file, backend);
  }

  /// Turns what happened into what counts: an expected failure is skipped, an unexpected pass fails, and so does a case
  /// that must pass and was skipped.
  result judge(std::string const& name, result r) const {
    if (matches(failing_, name)) {
      if (r.what == outcome::passed) return {outcome::failed, "passes, but is listed as failing", r.milliseconds};
      if (r.what == outcome::failed) return {outcome::skipped, "expected failure: " + r.message, r.milliseconds};
    }
    if (r.what == outcome::skipped && matches(passing_, name)) r.what = outcome::failed;
    return r;
  }

 private:
  void read(fs::path const& file, std::string_view backend) {
    std::ifstream in(file);
    if (!in) throw std::runtime_error("cannot read " + file.string());
    for (std::string line; std::getline(in, line);) {
      std::istringstream words(line.substr(0, line.find('#')));
      std::string verb, which, pattern;
      if (!(words >> verb)) continue;
      if (!(words >> which >> pattern) || (verb != "fail" && verb != "must-pass"))
        throw std::runtime_error(file.string() + ": no expectation: " + line);
      if (which != "*" && which != backend) continue;
      (verb == "fail" ? failing_ : passing_).emplace_back(pattern);
    }
  }

  static bool matches(std::vector<std::regex> const& patterns, std::string const& name) {
    return std::ranges::any_of(patterns, [&](auto const& p) { return std::regex_match(name, p); });
  }

  std::vector<std::regex> failing_{};
  std::vector<std::regex> passing_{};
};

}  // namespace conformance
