// error: (no matching|too few|requires)
#include <digits_any.hpp>

auto classify(digits_any& net, digits_any::image::view images) {
#ifdef MISUSE
  return net.run({.image = images});
#else
  return net.run(1, {.image = images});
#endif
}
