// error: (could not|cannot) convert|no viable conversion|no matching
#include <digits.hpp>

digits::outputs classify(digits& net) {
#ifdef MISUSE
  static std::array<float, 63> image{};
#else
  static std::array<float, 64> image{};
#endif
  return net.run({.image = image});
}
