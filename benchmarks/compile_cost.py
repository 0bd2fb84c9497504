#!/usr/bin/env python3
"""compile_cost.py [--runs N] COMPILER FLAGS...: what including sinter costs a compiler; the target compile_cost calls it.

Compiles a unit that includes sinter.hpp, the implementation, and a reference of the standard library only, and prints the
CPU time of each, the least of N runs, as a multiple of the reference's.
"""
import argparse
import pathlib
import resource
import subprocess
import tempfile

REFERENCE = """
#include <algorithm>
#include <filesystem>
#include <functional>
#include <map>
#include <regex>
#include <string>
#include <unordered_map>
#include <vector>
std::map<std::string, std::vector<double>> sorted(std::unordered_map<std::string, std::vector<double>> all) {
  for (auto& [name, values] : all) std::sort(values.begin(), values.end(), std::greater<>());
  return {all.begin(), all.end()};
}
bool matches(std::filesystem::path const& file, std::string const& pattern) {
  return std::regex_search(file.string(), std::regex(pattern));
}
"""
UNITS = {"reference": REFERENCE, "user": "#include <sinter/sinter.hpp>\n",
         "implementation": "#include <sinter/implementation.hpp>\n"}


def cpu_seconds(command):
    """The CPU time of a command and of what it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the compiler and its flags")
    arguments = parser.parse_args()
    least = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in UNITS.items():
            source = pathlib.Path(folder) / f"{name}.cpp"
            source.write_text(text)
            command = [*arguments.command, "-c", source, "-o", source.with_suffix(".o")]
            least[name] = min(cpu_seconds(command) for _ in range(arguments.runs))
            print(f"{name}: {least[name]:.2f} s, {least[name] / least['reference']:.2f} of the reference", flush=True)


if __name__ == "__main__":
    main()
