# cmake -DTOOL=<sinter> -DMODEL=<onnx> -DFOLDER=<scratch> -P check_reproducible.cmake
# Two users with the same model in different folders get the same bytes, from programs that the system loads at different
# addresses.
cmake_minimum_required(VERSION 3.22)

file(REMOVE_RECURSE ${FOLDER})
foreach(user ada "someone else")
  configure_file(${MODEL} "${FOLDER}/${user}/models/digits.onnx" COPYONLY)
  execute_process(COMMAND ${CMAKE_COMMAND} -E env "HOME=${FOLDER}/${user}" "USER=${user}" ${TOOL} compile
                          models/digits.onnx -o out/put --isa avx2,avx512,portable --batch 1..4
                  WORKING_DIRECTORY "${FOLDER}/${user}" COMMAND_ERROR_IS_FATAL ANY)
endforeach()
file(GLOB files RELATIVE ${FOLDER}/ada/out/put ${FOLDER}/ada/out/put/*)
list(LENGTH files count)
if(NOT count EQUAL 12)
  message(SEND_ERROR "expected 12 files, found: ${files}")
endif()
foreach(file IN LISTS files)
  file(SHA256 ${FOLDER}/ada/out/put/${file} one)
  file(SHA256 "${FOLDER}/someone else/out/put/${file}" other)
  if(NOT one STREQUAL other)
    message(SEND_ERROR "${file} differs between two folders")
  endif()
endforeach()
