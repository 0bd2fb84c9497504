# cmake -DSOURCE=<project> -DFOLDER=<scratch> -DPREFIX=<installed package> -DSINTER_MODEL=... -DGENERATOR=... -DCXX=...
#       -P rebuild.cmake
# A model that was touched is compiled again, with what includes its header; nothing else is. Twice the same is no work.
cmake_minimum_required(VERSION 3.22)

file(REMOVE_RECURSE ${FOLDER})
foreach(name first second)
  configure_file(${SINTER_MODEL} ${FOLDER}/models/${name}.onnx COPYONLY)
endforeach()
execute_process(COMMAND ${CMAKE_COMMAND} -S ${SOURCE} -B ${FOLDER}/build -G ${GENERATOR} -DCMAKE_CXX_COMPILER=${CXX}
                        -DCMAKE_PREFIX_PATH=${PREFIX} -DMODELS=${FOLDER}/models
                COMMAND_ERROR_IS_FATAL ANY)

# Builds, and sets `work` to what was done.
function(build)
  execute_process(COMMAND ${CMAKE_COMMAND} --build ${FOLDER}/build OUTPUT_VARIABLE output ECHO_OUTPUT_VARIABLE
                  COMMAND_ERROR_IS_FATAL ANY)
  string(REGEX MATCHALL "(Compiling|Building|Linking)[^\n]*" work "${output}")
  set(work "${work}" PARENT_SCOPE)
endfunction()
function(expect pattern)
  if(NOT work MATCHES "${pattern}")
    message(SEND_ERROR "no work on ${pattern}, but on: ${work}")
  endif()
endfunction()

build()
expect("first_avx2.cpp.*second_avx2.cpp|second_avx2.cpp.*first_avx2.cpp")
build()
if(work)
  message(SEND_ERROR "nothing changed, but there was work: ${work}")
endif()
execute_process(COMMAND ${CMAKE_COMMAND} -E sleep 1.1)  # more than the clock of any file system or of make
file(TOUCH ${FOLDER}/models/first.onnx)
build()
foreach(part "first.onnx to C" "first_avx2.cpp" "first_weights.cpp" "main.cpp")
  expect(${part})
endforeach()
if(work MATCHES "second|apart")
  message(SEND_ERROR "the first model was touched, but there was work on others: ${work}")
endif()
build()
if(work)
  message(SEND_ERROR "nothing changed, but there was work: ${work}")
endif()
