# cmake -DBINARY=<program> -DWEIGHTS=<bytes> -DFOLDER=<scratch> -DREADELF=<tool> -DSTRIP=<tool> -P check_binary.cmake
# A program that a model is compiled into needs the C and C++ libraries only, and is small: at most 400 KB besides the
# weights, stripped, or MOST_CODE bytes.
cmake_minimum_required(VERSION 3.22)

execute_process(COMMAND ${READELF} -d ${BINARY} OUTPUT_VARIABLE text COMMAND_ERROR_IS_FATAL ANY)
string(REGEX MATCHALL "\\(NEEDED\\)[^\n]*\\[[^\n]*\\]" needed "${text}")
foreach(library IN LISTS needed)
  if(NOT library MATCHES "\\[(libc|libm|libgcc_s|libstdc\\+\\+|ld-linux-x86-64)\\.so\\.[0-9]+\\]")
    message(SEND_ERROR "${BINARY} needs ${library}")
  endif()
endforeach()
execute_process(COMMAND ${STRIP} -o ${FOLDER}/stripped ${BINARY} COMMAND_ERROR_IS_FATAL ANY)
file(SIZE ${FOLDER}/stripped bytes)
file(SIZE ${WEIGHTS} weights)
math(EXPR code "${bytes} - ${weights}")
if(NOT MOST_CODE)
  set(MOST_CODE 409600)
endif()
if(code GREATER MOST_CODE)
  message(SEND_ERROR "${BINARY} has ${bytes} bytes, ${weights} of them weights")
endif()
