// error: (could not|cannot) convert|no matching|no default|deleted
#include <digits.hpp>

digits::outputs classify(digits& net, digits::image::view image) {
#ifdef MISUSE
  return net.run({});
#else
  return net.run({.image = image});
#endif
}
