#include <sinter/program/work.hpp>

#include "report_parts.hpp"
#include <set>
#include <utility>

namespace codegen {
namespace {

/// What a step calls and touches.
class footprint {
 public:
  footprint(sinter::program const& p, sinter::program_step const& s) : p_(p) {
    sinter::for_each_address_of_step(s, [this](sinter::address const& a) { touch(a); });
    if (auto const* r = std::get_if<sinter::region>(&s.action)) count(*r);
    if (auto const* l = std::get_if<sinter::launch>(&s.action)) ++calls_[p_.device_kernels[l->kernel.index].form];
  }

  ordered_json kernels() const {
    auto all = ordered_json::array();
    for (auto const& [name, calls] : calls_) all.push_back({{"name", name}, {"calls", calls}});
    return all;
  }
  ordered_json tensors() const { return ordered_json::array({tensors_[0], tensors_[1]}); }
  std::int64_t weights() const {
    std::int64_t sum = 0;
    for (auto const w : weights_) sum += p_.weights[w].bytes;
    return sum;
  }

 private:
  void touch(sinter::address const& a) {
    if (a.in == sinter::space::arena) tensors_[0].insert(a.index);
    if (a.in == sinter::space::host) tensors_[1].insert(a.index);
    if (a.in == sinter::space::weight) weights_.insert(a.index);
  }

  void count(sinter::region const& r) {
    for (auto const& g : r.grids)
      sinter::for_each_counted_call(g, 0, [&](sinter::statement const& call, double times) {
        calls_[p_.kernels[call.kernel.index]->name] += times;
      });
  }

  sinter::program const& p_;
  std::map<std::string, double> calls_{};
  std::set<std::uint32_t> tensors_[2]{}, weights_{};
};

ordered_json memory(std::string const& name, std::int64_t bytes, std::vector<sinter::allocation> const& tensors) {
  auto all = ordered_json::array();
  for (auto const& t : tensors)
    all.push_back({{"name", t.name}, {"offset", t.offset}, {"bytes", t.bytes}, {"first", t.first}, {"last", t.last}});
  return {{"name", name}, {"bytes", bytes}, {"tensors", std::move(all)}};
}

}  // namespace

ordered_json steps_of(sinter::program const& p, std::span<profiled_step const> steps, bool timed,
                      std::map<sinter::node_id, std::size_t> const& nodes) {
  auto all = ordered_json::array();
  auto const known = [&](auto number) { return p.on_device ? ordered_json() : ordered_json(number); };
  for (std::size_t i = 0; i < p.steps.size(); ++i) {
    auto const& described = steps[i];
    footprint const touched(p, p.steps[i]);
    auto computed = ordered_json::array();
    for (auto const id : p.steps[i].nodes)
      if (auto const found = nodes.find(id); found != nodes.end()) computed.push_back(found->second);
    all.push_back({{"nodes", std::move(computed)},
                   {"schedule", described.schedule},
                   {"kind", name(described.kind)},
                   {"seconds", timed ? ordered_json(described.seconds) : ordered_json()},
                   {"operations", known(described.operations.total())},
                   {"bytes", known(described.bytes)},
                   {"kernels", touched.kernels()},
                   {"tensors", touched.tensors()},
                   {"weights", touched.weights()}});
  }
  return all;
}

ordered_json memories_of(sinter::program const& p) {
  auto all = ordered_json::array({memory("arena", p.arena_bytes, p.allocations)});
  all[0]["bound"] = p.arena_bound;
  if (!p.host_allocations.empty()) all.push_back(memory("memory of the host", p.host_bytes, p.host_allocations));
  return all;
}

}  // namespace codegen
