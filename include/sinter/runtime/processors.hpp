#pragma once

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>
#include <sched.h>
#include <string>
#include <unistd.h>

/// How many threads a process may keep busy.
namespace sinter {

/// CPUs of the calling thread's affinity mask; at least 1.
inline int affinity_processors() {
  for (int bits = CPU_SETSIZE; bits <= (1 << 20); bits *= 2) {
    auto* const set = CPU_ALLOC(bits);
    if (!set) break;
    auto const size = CPU_ALLOC_SIZE(bits);
    bool const known = sched_getaffinity(0, size, set) == 0;
    int const count = known ? CPU_COUNT_S(size, set) : 0;
    CPU_FREE(set);
    if (known) return std::max(count, 1);
  }
  return static_cast<int>(std::max(sysconf(_SC_NPROCESSORS_ONLN), 1L));
}

namespace detail {

/// "max 100000" or "50000 100000" of cgroup v2's cpu.max, in CPUs.
inline std::optional<double> quota_v2(std::string const& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return std::nullopt;
  return std::strtod(quota.c_str(), nullptr) / period;
}

inline std::optional<double> quota_v1(std::string const& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return std::nullopt;
  return quota / period;
}

}  // namespace detail

/// The smallest CPU quota of the process's control groups (v1 and v2) and their ancestors, in CPUs; none: unlimited.
/// `root` stands for the file system's root, so that tests can lay out groups of their own.
inline std::optional<double> cgroup_quota(std::string const& root = {}) {
  std::optional<double> least;
  auto const take = [&](std::optional<double> quota) {
    if (quota && (!least || *quota < *least)) least = quota;
  };
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {  // "0::/a/b" (v2) or "4:cpu,cpuacct:/a/b" (v1)
    auto const first = line.find(':');
    auto const second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    auto const controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    bool const v2 = controllers == ",,";
    if (!v2 && controllers.find(",cpu,") == std::string::npos) continue;
    for (auto path = line.substr(second + 1);; path.erase(path.rfind('/'))) {
      if (path == "/") path.clear();
      if (v2) {
        take(detail::quota_v2(root + "/sys/fs/cgroup" + path));
        take(detail::quota_v2(root + "/sys/fs/cgroup/unified" + path));
      } else {
        take(detail::quota_v1(root + "/sys/fs/cgroup/cpu" + path));
        take(detail::quota_v1(root + "/sys/fs/cgroup/cpu,cpuacct" + path));
      }
      if (path.empty() || path.rfind('/') == std::string::npos) break;
    }
  }
  return least;
}

/// Threads that this process can keep busy: its affinity mask, cut by the CPU quota of its control group; at least 1.
inline int available_processors(std::string const& root = {}) {
  int const processors = affinity_processors();
  auto const quota = cgroup_quota(root);
  if (!quota || *quota >= processors) return processors;
  return std::max(static_cast<int>(std::ceil(*quota)), 1);
}

}  // namespace sinter
