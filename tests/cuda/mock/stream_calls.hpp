#pragma once

#include "machine.hpp"
#include <chrono>
#include <memory>

/// Streams, which do their work when something waits for it, and events.
namespace cuda_mock {

inline void fill_stream_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.stream_create = [](void** handle, unsigned) {
    return call("cuStreamCreate", [&](machine& m) {
      *handle = m.streams.add(std::make_unique<stream>());
      return success;
    });
  };
  d.stream_destroy = [](void* handle) {
    return call("cuStreamDestroy_v2", [&](machine& m) {
      auto* const s = m.streams.find(handle);
      if (!s) return static_cast<int>(invalid_handle);
      auto const result = m.finish(*s);
      m.streams.remove(handle);
      return result;
    });
  };
  d.stream_synchronize = [](void* handle) {
    return call("cuStreamSynchronize", [&](machine& m) {
      auto* const s = m.find_stream(handle);
      if (!s) return static_cast<int>(invalid_handle);
      ++s->synchronised;
      if (!s->captured) return m.finish(*s);
      s->capture_failed = true;
      return static_cast<int>(capture_unsupported);
    });
  };
}

/// Events are work of their stream.
inline void fill_event_calls(sinter::cuda_driver& d) {
  using namespace sinter::cuda_api;
  d.event_create = [](void** handle, unsigned flags) {
    return call("cuEventCreate", [&](machine& m) {
      *handle = m.events.add(std::make_unique<event>(event{(flags & event_without_time) == 0, {}}));
      return success;
    });
  };
  d.event_record = [](void* handle, void* in) {
    return call("cuEventRecord", [&](machine& m) {
      auto* const e = m.events.find(handle);
      auto* const s = m.find_stream(in);
      if (!e || !s) return static_cast<int>(invalid_handle);
      if (s->captured) return static_cast<int>(capture_unsupported);
      auto const point = e->latest = std::make_shared<recorded_point>(recorded_point{s, false, {}});
      return m.give(*s, {[point] { point->done = true, point->time = std::chrono::steady_clock::now(); }});
    });
  };
  // A stream that is gone has done its work.
  d.stream_wait_event = [](void* waiting, void* handle, unsigned flags) {
    return call("cuStreamWaitEvent", [&](machine& m) {
      auto const* const e = m.events.find(handle);
      auto* const s = m.find_stream(waiting);
      if (!e || !s) return static_cast<int>(invalid_handle);
      if (flags != 0) return invalid_value;
      if (s->captured) return static_cast<int>(capture_unsupported);
      if (e->done() || e->latest->in == s) return success;
      return m.give(*s, {[&m, point = e->latest] {
        if (!point->done) m.finish(*point->in, [&] { return point->done; });
      }});
    });
  };
  d.event_synchronize = [](void* handle) {
    return call("cuEventSynchronize", [&](machine& m) {
      auto const* const e = m.events.find(handle);
      if (!e) return static_cast<int>(invalid_handle);
      auto const done = [&] { return e->done(); };
      m.finish(m.default_stream, done);
      m.streams.for_each([&](stream& s) { m.finish(s, done); });
      return m.failed;
    });
  };
  d.event_destroy = [](void* handle) {
    return call("cuEventDestroy_v2",
                [&](machine& m) { return m.events.remove(handle) ? success : static_cast<int>(invalid_handle); });
  };
  d.event_elapsed_time = [](float* milliseconds, void* start, void* end) {
    return call("cuEventElapsedTime", [&](machine& m) {
      auto const *const from = m.events.find(start), *const to = m.events.find(end);
      if (!from || !to || !from->has_time || !to->has_time) return static_cast<int>(invalid_handle);
      if (!from->latest || !to->latest) return static_cast<int>(invalid_handle);
      if (!from->done() || !to->done()) return static_cast<int>(not_ready);
      *milliseconds = std::chrono::duration<float, std::milli>(to->latest->time - from->latest->time).count();
      return success;
    });
  };
}

}  // namespace cuda_mock
