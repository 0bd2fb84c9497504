#pragma once

/// How the engine calls the kernels of a text: EMULATOR_ENTRY(name, threads) follows the text for each KERNEL.
namespace emulator {

template <unsigned... i>
struct indices {};
template <unsigned count, unsigned... i>
struct indices_to : indices_to<count - 1, count - 1, i...> {};
template <unsigned... i>
struct indices_to<0, i...> : indices<i...> {};

template <class... arguments>
struct signature {
  static constexpr unsigned bytes[] = {sizeof(arguments)..., 0};
  unsigned count = sizeof...(arguments);
};
template <class... arguments>
constexpr signature<arguments...> signature_of(void (*)(arguments...)) {
  return {};
}

template <class... arguments, unsigned... i>
void call(void (*kernel)(arguments...), void* const* from, indices<i...>) {
  static_cast<void>(from);
  kernel(*static_cast<arguments const*>(from[i])...);
}
template <class... arguments>
void call(void (*kernel)(arguments...), void* const* from) {
  call(kernel, from, indices_to<sizeof...(arguments)>{});
}

}  // namespace emulator

#define EMULATOR_ENTRY(name, threads)                                                                      \
  extern "C" __attribute__((visibility("default"))) emulator::kernel_entry const emulator_entry_##name{    \
      [](void* const* arguments) { emulator::call(name, arguments); }, emulator::signature_of(name).bytes, \
      emulator::signature_of(name).count, threads, &emulator::here};
